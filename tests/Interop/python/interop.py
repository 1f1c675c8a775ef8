"""KvRaft from Python, with the .proto files and Debian's python3-grpcio, and without code of this repository.

Usage: interop.py ENDPOINT ENDPOINT ENDPOINT. Prints one line per check: "ok NAME" or "FAILED NAME: why".
"""

import os
import queue
import sys
import traceback

import grpc
from google.rpc import error_details_pb2, status_pb2

from kvraft.v1 import error_pb2, eventual_pb2, eventual_pb2_grpc, header_pb2, keyspace_pb2, keyspaces_pb2, keyspaces_pb2_grpc, kv_pb2, kv_pb2_grpc
from kvraft.v1 import options_pb2, pipe_pb2, routing_pb2, routing_pb2_grpc, scan_pb2, single_pb2

# Enough for an election on a loaded machine; an answer that takes longer is a fault.
PATIENCE_S = 20

ENDPOINTS = sys.argv[1:]
CHANNELS = [grpc.insecure_channel(endpoint) for endpoint in ENDPOINTS]
NODES = [kv_pb2_grpc.KvStub(channel) for channel in CHANNELS]
KV = NODES[0]
EVENTUAL = [eventual_pb2_grpc.EventualKvStub(channel) for channel in CHANNELS]
ROUTING = routing_pb2_grpc.RoutingStub(CHANNELS[0])

# Keys of this run only, so that the program can be run against the same cluster again.
PREFIX = b"python/" + os.urandom(6).hex().encode() + b"/"


def key(name):
    return PREFIX + name.encode()


class Writer:
    """A random client id, and its writes numbered from 1: with both, a write can be repeated safely.

    first_unacked is the lowest number that still waits for an answer. The shard discards the outcomes below it, so writes that are in
    progress together must all carry the number of the first of them.
    """

    def __init__(self):
        self.client_id = os.urandom(16)
        self.sequence = 0

    def next(self, first_unacked=None):
        self.sequence += 1
        return header_pb2.RequestHeader(
            identity=header_pb2.RequestIdentity(
                client_id=self.client_id, sequence=self.sequence, first_unacked=first_unacked or self.sequence))


WRITER = Writer()


def put(name, value, node=KV, **more):
    request = single_pb2.PutRequest(header=WRITER.next(), key=key(name), value=value, **more)
    return node.Put(request, timeout=PATIENCE_S)


def get(name, node=KV):
    return node.Get(single_pb2.GetRequest(key=key(name)), timeout=PATIENCE_S)


def details_of(error):
    """The google.rpc.Status in the trailers of a failed call, unpacked into {message type: message}."""
    trailers = dict(error.trailing_metadata())
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    assert status.code == error.code().value[0], (status.code, error.code())
    known = (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest, error_details_pb2.RetryInfo, error_pb2.RouteHint)
    found = {}
    for packed in status.details:
        for kind in known:
            if packed.Is(kind.DESCRIPTOR):
                found[kind.DESCRIPTOR.name] = kind.FromString(packed.value)
    return found


def refused(call):
    try:
        call()
    except grpc.RpcError as error:
        return error.code(), details_of(error)
    raise AssertionError("was not refused")


def put_and_get():
    written = put("a", b"hello \xff")
    assert written.applied and written.version > 0, written
    read = get("a")
    assert read.found and read.current.value == b"hello \xff" and read.current.version == written.version, read
    assert read.header.consistency_delivered == options_pb2.CONSISTENCY_LINEARIZABLE, read
    assert not get("nothing").found


def every_node_answers():
    put("everywhere", b"1")
    for node in NODES:
        assert get("everywhere", node).current.value == b"1"


def a_write_sent_twice_is_applied_once():
    request = single_pb2.IncrementRequest(header=WRITER.next(), key=key("counter"), delta=5)
    first = NODES[0].Increment(request, timeout=PATIENCE_S)
    again = NODES[1].Increment(request, timeout=PATIENCE_S)
    assert (first.value, first.header.deduplicated) == (5, False), first
    assert (again.value, again.version, again.header.deduplicated) == (5, first.version, True), again
    assert get("counter").current.value == b"5"


def an_eventual_key_may_hold_several_values():
    name = "carts-" + os.urandom(4).hex()
    keyspaces = keyspaces_pb2_grpc.KeyspacesStub(CHANNELS[0])
    wish = keyspace_pb2.KeyspaceInfo(name=name, mode=keyspace_pb2.KEYSPACE_MODE_EVENTUAL)
    keyspaces.Create(keyspaces_pb2.CreateKeyspaceRequest(keyspace=wish), timeout=PATIENCE_S)

    def header():
        made = WRITER.next()
        made.keyspace = name
        return made

    def write(node, value, context=b"", to="cart"):
        request = eventual_pb2.EventualPutRequest(header=header(), key=key(to), value=value, context=context)
        return EVENTUAL[node].Put(request, timeout=PATIENCE_S)

    def read():
        request = eventual_pb2.EventualGetRequest(header=header_pb2.RequestHeader(keyspace=name), key=key("cart"))
        answer = EVENTUAL[2].Get(request, timeout=PATIENCE_S)
        return sorted(each.value for each in answer.values), answer.context

    # Neither writer has read, so both values are kept. A writer that has read both, and sends their context, replaces them.
    write(0, b"milk")
    second = write(1, b"bread")
    assert second.header.overlaps and second.header.answered >= 2, second
    values, context = read()
    assert values == [b"bread", b"milk"], values
    merged = write(1, b"bread, milk", context)
    assert merged.siblings == 1 and read()[0] == [b"bread, milk"], merged

    request = eventual_pb2.EventualDeleteRequest(header=header(), key=key("cart"), context=merged.context)
    EVENTUAL[0].Delete(request, timeout=PATIENCE_S)
    assert read()[0] == [], read()
    _, details = refused(lambda: write(0, b"x", context, to="other"))
    assert details["ErrorInfo"].reason == "CONTEXT_INVALID", details
    keyspaces.Drop(keyspaces_pb2.DropKeyspaceRequest(name=name), timeout=PATIENCE_S)


def the_outcome_of_a_write_can_be_queried():
    header = WRITER.next()
    written = KV.Put(single_pb2.PutRequest(header=header, key=key("asked"), value=b"x"), timeout=PATIENCE_S)
    answer = KV.GetRequestResult(
        kv_pb2.GetRequestResultRequest(identity=header.identity, key=key("asked")), timeout=PATIENCE_S)
    assert answer.state == kv_pb2.GetRequestResultResponse.STATE_EXECUTED, answer
    assert answer.applied and answer.version == written.version, answer


def compare_and_set():
    first = put("cas", b"1", condition=options_pb2.Condition(absent=True))
    assert first.applied
    lost = put("cas", b"2", condition=options_pb2.Condition(version_equals=first.version + 1000))
    assert not lost.applied and lost.current.value == b"1" and lost.current.version == first.version, lost
    won = put("cas", b"2", condition=options_pb2.Condition(version_equals=first.version))
    assert won.applied and won.version > first.version, won


def delete_returns_the_previous_value():
    put("gone", b"old")
    request = single_pb2.DeleteRequest(
        header=WRITER.next(), key=key("gone"), options=options_pb2.WriteOptions(return_previous=True))
    answer = KV.Delete(request, timeout=PATIENCE_S)
    assert answer.existed and answer.previous.value == b"old", answer
    assert not get("gone").found


def a_scan_streams_every_key_once_and_continues_from_its_token():
    names = ["scan/%03d" % i for i in range(120)]
    for name in names:
        put(name, b"v" * 100)

    def walk(limit, token):
        request = scan_pb2.ScanRequest(prefix=key("scan/"), chunk_bytes_max=1024, limit=limit, resume_token=token)
        found, chunks, last = [], 0, None
        for chunk in KV.Scan(request, timeout=PATIENCE_S):
            found += [item.key for item in chunk.items]
            chunks, last = chunks + 1, chunk
        return found, chunks, last

    whole, chunks, last = walk(0, b"")
    assert sorted(whole) == [key(name) for name in names], len(whole)
    assert chunks > 8, chunks
    assert last.done and not last.resume_token

    half, _, last = walk(50, b"")
    assert len(half) == 50 and not last.done and last.resume_token
    rest, _, last = walk(0, last.resume_token)
    assert half + rest == whole and last.done


def routes_are_watched():
    call = ROUTING.WatchRoutes(routing_pb2.WatchRoutesRequest(), timeout=PATIENCE_S)
    update = next(iter(call))
    call.cancel()
    assert len(update.map.nodes) == len(ENDPOINTS), update.map.nodes
    assert len(update.map.shards) == update.map.shard_count
    assert sorted(node.endpoint for node in update.map.nodes) == sorted(ENDPOINTS)


def a_pipe_answers_by_correlation_id():
    calls = queue.Queue()
    answers = KV.Pipe(iter(calls.get, None), timeout=PATIENCE_S)
    first = WRITER.sequence + 1
    writes = [
        pipe_pb2.PipeCall(
            correlation_id=i,
            put=single_pb2.PutRequest(header=WRITER.next(first), key=key("pipe/%d" % i), value=str(i).encode()))
        for i in range(1, 33)
    ]
    calls.put(pipe_pb2.PipeRequest(calls=writes))
    versions = {}
    for response in answers:
        for answer in response.answers:
            assert answer.put.applied, answer
            versions[answer.correlation_id] = answer.put.version
        if len(versions) == 32:
            break
    calls.put(None)
    assert sorted(versions) == list(range(1, 33))
    assert get("pipe/7").current == single_pb2.ValueState(value=b"7", version=versions[7])


def a_limit_is_refused_with_all_its_numbers():
    limits = keyspaces_pb2_grpc.KeyspacesStub(CHANNELS[0]).GetLimits(keyspaces_pb2.GetLimitsRequest(), timeout=PATIENCE_S)
    big = b"k" * (limits.key_bytes_max + 1)
    code, details = refused(lambda: KV.Put(
        single_pb2.PutRequest(header=WRITER.next(), key=big, value=b"x"), timeout=PATIENCE_S))
    info = details["ErrorInfo"]
    assert code == grpc.StatusCode.INVALID_ARGUMENT, code
    assert (info.reason, info.domain) == ("LIMIT_EXCEEDED", "kvraft"), info
    assert info.metadata["execution"] == "NOT_EXECUTED", info
    assert info.metadata["limit"] == str(limits.key_bytes_max), info
    assert info.metadata["actual"] == str(len(big)), info
    assert info.metadata["setting"] == "limits.keyBytesMax", info
    assert [violation.field for violation in details["BadRequest"].field_violations] == ["key"], details


def an_unknown_keyspace_is_named_in_the_error():
    header = header_pb2.RequestHeader(keyspace="no-such-keyspace")
    code, details = refused(lambda: KV.Get(single_pb2.GetRequest(header=header, key=b"a"), timeout=PATIENCE_S))
    assert code == grpc.StatusCode.NOT_FOUND, code
    assert details["ErrorInfo"].reason == "KEYSPACE_NOT_FOUND", details
    assert details["ErrorInfo"].metadata["keyspace"] == "no-such-keyspace", details


def a_node_that_does_not_lead_names_the_leader():
    name = key("led")
    put("led", b"1")
    header = header_pb2.RequestHeader(no_forward=True)
    hints = []
    for node in NODES:
        try:
            assert node.Get(single_pb2.GetRequest(header=header, key=name), timeout=PATIENCE_S).found
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.FAILED_PRECONDITION, error
            details = details_of(error)
            assert details["ErrorInfo"].reason == "NOT_LEADER", details
            hints.append(details["RouteHint"].leader_endpoint)
    assert len(hints) == len(NODES) - 1, hints
    assert set(hints) <= set(ENDPOINTS), hints


CHECKS = [
    put_and_get,
    every_node_answers,
    a_write_sent_twice_is_applied_once,
    an_eventual_key_may_hold_several_values,
    the_outcome_of_a_write_can_be_queried,
    compare_and_set,
    delete_returns_the_previous_value,
    a_scan_streams_every_key_once_and_continues_from_its_token,
    routes_are_watched,
    a_pipe_answers_by_correlation_id,
    a_limit_is_refused_with_all_its_numbers,
    an_unknown_keyspace_is_named_in_the_error,
    a_node_that_does_not_lead_names_the_leader,
]

failed = 0
for check in CHECKS:
    try:
        check()
        print("ok", check.__name__, flush=True)
    except Exception as error:  # for any failure, the other checks are still run
        failed += 1
        print("FAILED %s: %s" % (check.__name__, repr(error).replace("\n", " ")), flush=True)
        traceback.print_exc()
sys.exit(1 if failed else 0)
