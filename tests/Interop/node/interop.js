// KvRaft from Node, with the .proto files, @grpc/grpc-js and @grpc/proto-loader, and without code of this repository.
//
// Usage: node interop.js PROTO_ROOT ENDPOINT ENDPOINT ENDPOINT. Prints one line per check: "ok NAME" or "FAILED NAME: why".
'use strict';

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

// Enough for an election on a loaded machine; an answer that takes longer is a fault.
const PATIENCE_MS = 20_000;

const [root, ...endpoints] = process.argv.slice(2);
const definition = loader.loadSync(
  ['kv', 'routing', 'keyspaces', 'eventual'].map((name) => path.join(root, 'kvraft/v1', `${name}.proto`)),
  { includeDirs: [root], keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true });
const { kvraft: { v1 } } = grpc.loadPackageDefinition(definition);
const credentials = grpc.credentials.createInsecure();
const nodes = endpoints.map((endpoint) => new v1.Kv(endpoint, credentials));
const kv = nodes[0];
const routing = new v1.Routing(endpoints[0], credentials);
const keyspaces = new v1.Keyspaces(endpoints[0], credentials);
const eventual = endpoints.map((endpoint) => new v1.EventualKv(endpoint, credentials));

const deadline = () => ({ deadline: Date.now() + PATIENCE_MS });
const unary = (client, method, request) => new Promise((resolve, reject) =>
  client[method](request, deadline(), (error, response) => (error ? reject(error) : resolve(response))));

// Keys of this run only, so that the program can be run against the same cluster again.
const prefix = `node/${crypto.randomBytes(6).toString('hex')}/`;
const key = (name) => Buffer.from(prefix + name);

// A random client id, and its writes numbered from 1: with both, a write can be repeated safely. firstUnacked is the lowest number
// that still waits for an answer. The shard discards the outcomes below it, so writes in progress together must all carry the number of the first of them.
const clientId = crypto.randomBytes(16);
let sequence = 0;
const write = (firstUnacked = sequence + 1) => {
  sequence += 1;
  return { identity: { client_id: clientId, sequence, first_unacked: firstUnacked } };
};

const put = (name, value, more = {}) => unary(kv, 'Put', { header: more.header ?? write(), key: key(name), value: Buffer.from(value), ...more });
const get = (name, client = kv) => unary(client, 'Get', { key: key(name) });

/** The google.rpc.Status in the trailers of a failed call, unpacked into {message type: message}. */
function detailsOf(error) {
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  const status = decode('google.rpc.Status', bytes);
  assert.equal(status.code, error.code);
  return Object.fromEntries(status.details.map((packed) => {
    const name = packed.type_url.slice(packed.type_url.lastIndexOf('/') + 1);
    return [name, decode(name, packed.value)];
  }));
}

// proto-loader has codecs for the requests and responses of methods only. Error details are read with the parser that it uses.
const protobuf = require('protobufjs');
const types = new protobuf.Root();
types.resolvePath = (_, target) => (protobuf.common.get(target) ? target : path.join(root, target));
types.loadSync(['google/rpc/status.proto', 'google/rpc/error_details.proto', 'kvraft/v1/error.proto'], { keepCase: true });
function decode(name, bytes) {
  const type = types.lookupType(name);
  return type.toObject(type.decode(bytes), { longs: Number, defaults: true });
}

async function refused(call) {
  try {
    await call();
  } catch (error) {
    return { code: error.code, details: detailsOf(error) };
  }
  throw new assert.AssertionError({ message: 'was not refused' });
}

async function scan(request) {
  const seen = { keys: [], chunks: 0, last: null };
  for await (const chunk of kv.Scan({ prefix: key('scan/'), chunk_bytes_max: 1024, ...request }, deadline())) {
    seen.keys.push(...chunk.items.map((item) => item.key.toString()));
    seen.chunks += 1;
    seen.last = chunk;
  }
  return seen;
}

const checks = {
  async put_and_get() {
    const bytes = Buffer.from([0x68, 0x69, 0xff]);
    const written = await put('a', bytes);
    assert.ok(written.applied && written.version > 0);
    const read = await get('a');
    assert.deepEqual(read.current.value, bytes);
    assert.equal(read.current.version, written.version);
    assert.equal(read.header.consistency_delivered, 'CONSISTENCY_LINEARIZABLE');
    assert.equal((await get('nothing')).found, false);
  },

  async every_node_answers() {
    await put('everywhere', '1');
    for (const node of nodes) {
      assert.equal((await get('everywhere', node)).current.value.toString(), '1');
    }
  },

  async a_write_sent_twice_is_applied_once() {
    const request = { header: write(), key: key('counter'), delta: 5 };
    const first = await unary(nodes[0], 'Increment', request);
    const again = await unary(nodes[1], 'Increment', request);
    assert.deepEqual([first.value, first.header.deduplicated], [5, false]);
    assert.deepEqual([again.value, again.version, again.header.deduplicated], [5, first.version, true]);
    assert.equal((await get('counter')).current.value.toString(), '5');
  },

  async an_eventual_key_may_hold_several_values() {
    const name = `carts-${crypto.randomBytes(4).toString('hex')}`;
    await unary(keyspaces, 'Create', { keyspace: { name, mode: 'KEYSPACE_MODE_EVENTUAL' } });
    const header = () => ({ ...write(), keyspace: name });
    const read = () => unary(eventual[2], 'Get', { header: { keyspace: name }, key: key('cart') });
    const texts = (answer) => answer.values.map((each) => each.value.toString()).sort();

    // Neither writer has read, so both values are kept. A writer that has read both, and sends their context, replaces them.
    await unary(eventual[0], 'Put', { header: header(), key: key('cart'), value: Buffer.from('milk') });
    const second = await unary(eventual[1], 'Put', { header: header(), key: key('cart'), value: Buffer.from('bread') });
    assert.ok(second.header.overlaps && second.header.answered >= 2);
    const both = await read();
    assert.deepEqual(texts(both), ['bread', 'milk']);
    const merged = await unary(eventual[1], 'Put', { header: header(), key: key('cart'), value: Buffer.from('bread, milk'), context: both.context });
    assert.equal(merged.siblings, 1);
    assert.deepEqual(texts(await read()), ['bread, milk']);

    await unary(eventual[0], 'Delete', { header: header(), key: key('cart'), context: merged.context });
    assert.deepEqual(texts(await read()), []);
    const foreign = await refused(() => unary(eventual[0], 'Put', { header: header(), key: key('other'), value: Buffer.from('x'), context: both.context }));
    assert.equal(foreign.details['google.rpc.ErrorInfo'].reason, 'CONTEXT_INVALID');
    await unary(keyspaces, 'Drop', { name });
  },

  async the_outcome_of_a_write_can_be_queried() {
    const header = write();
    const written = await unary(kv, 'Put', { header, key: key('asked'), value: Buffer.from('x') });
    const answer = await unary(kv, 'GetRequestResult', { identity: header.identity, key: key('asked') });
    assert.deepEqual([answer.state, answer.applied, answer.version], ['STATE_EXECUTED', true, written.version]);
  },

  async compare_and_set() {
    const first = await put('cas', '1', { condition: { absent: true } });
    assert.ok(first.applied);
    const lost = await put('cas', '2', { condition: { version_equals: first.version + 1000 } });
    assert.deepEqual([lost.applied, lost.current.value.toString(), lost.current.version], [false, '1', first.version]);
    const won = await put('cas', '2', { condition: { version_equals: first.version } });
    assert.ok(won.applied && won.version > first.version);
  },

  async a_scan_streams_every_key_once_and_continues_from_its_token() {
    const names = Array.from({ length: 120 }, (_, i) => `scan/${String(i).padStart(3, '0')}`);
    const first = sequence + 1;
    await Promise.all(names.map((name) => put(name, 'v'.repeat(100), { header: write(first) })));
    const whole = await scan({});
    assert.deepEqual(whole.keys.toSorted(), names.map((name) => prefix + name));
    assert.ok(whole.chunks > 8, `${whole.chunks} chunks`);
    assert.ok(whole.last.done);
    const half = await scan({ limit: 50 });
    assert.deepEqual([half.keys.length, half.last.done], [50, false]);
    const rest = await scan({ resume_token: half.last.resume_token });
    assert.deepEqual(half.keys.concat(rest.keys), whole.keys);
  },

  async routes_are_watched() {
    const call = routing.WatchRoutes({}, deadline());
    const update = await new Promise((resolve, reject) => call.once('data', resolve).once('error', reject));
    call.on('error', () => {}); // the CANCELLED that follows is caused by this program
    call.cancel();
    assert.deepEqual(update.map.nodes.map((node) => node.endpoint).toSorted(), endpoints.toSorted());
    assert.equal(update.map.shards.length, update.map.shard_count);
  },

  async a_pipe_answers_by_correlation_id() {
    const pipe = kv.Pipe(deadline());
    const versions = new Map();
    const answered = new Promise((resolve, reject) => {
      pipe.once('error', reject);
      pipe.on('data', ({ answers }) => {
        answers.forEach((answer) => versions.set(answer.correlation_id, answer.put && answer.put.version));
        if (versions.size === 32) resolve();
      });
    });
    const first = sequence + 1;
    pipe.write({
      calls: Array.from({ length: 32 }, (_, i) => ({
        correlation_id: i + 1,
        put: { header: write(first), key: key(`pipe/${i + 1}`), value: Buffer.from(String(i + 1)) },
      })),
    });
    await answered;
    pipe.end();
    assert.equal((await get('pipe/7')).current.version, versions.get(7));
  },

  async a_limit_is_refused_with_all_its_numbers() {
    const limits = await unary(keyspaces, 'GetLimits', {});
    const big = Buffer.alloc(limits.key_bytes_max + 1, 'k');
    const { code, details } = await refused(() => unary(kv, 'Put', { header: write(), key: big, value: Buffer.from('x') }));
    assert.equal(code, grpc.status.INVALID_ARGUMENT);
    const info = details['google.rpc.ErrorInfo'];
    assert.deepEqual([info.reason, info.domain], ['LIMIT_EXCEEDED', 'kvraft']);
    assert.deepEqual({ ...info.metadata }, {
      execution: 'NOT_EXECUTED',
      limit: String(limits.key_bytes_max),
      actual: String(big.length),
      setting: 'limits.keyBytesMax',
    });
    assert.deepEqual(details['google.rpc.BadRequest'].field_violations.map((violation) => violation.field), ['key']);
  },

  async an_unknown_keyspace_is_named_in_the_error() {
    const { code, details } = await refused(() => unary(kv, 'Get', { header: { keyspace: 'no-such-keyspace' }, key: key('a') }));
    assert.equal(code, grpc.status.NOT_FOUND);
    assert.equal(details['google.rpc.ErrorInfo'].reason, 'KEYSPACE_NOT_FOUND');
  },

  async a_node_that_does_not_lead_names_the_leader() {
    await put('led', '1');
    const hints = [];
    for (const node of nodes) {
      try {
        assert.ok((await unary(node, 'Get', { header: { no_forward: true }, key: key('led') })).found);
      } catch (error) {
        assert.equal(error.code, grpc.status.FAILED_PRECONDITION, error.message);
        const details = detailsOf(error);
        assert.equal(details['google.rpc.ErrorInfo'].reason, 'NOT_LEADER');
        hints.push(details['kvraft.v1.RouteHint'].leader_endpoint);
      }
    }
    assert.equal(hints.length, nodes.length - 1);
    assert.ok(hints.every((hint) => endpoints.includes(hint)), hints.join());
  },
};

(async () => {
  let failed = 0;
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check();
      console.log(`ok ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED ${name}: ${String(error.message).replaceAll('\n', ' ')}`);
      console.error(error);
    }
  }
  [...nodes, routing, keyspaces].forEach((client) => client.close());
  process.exitCode = failed ? 1 : 0;
})();
