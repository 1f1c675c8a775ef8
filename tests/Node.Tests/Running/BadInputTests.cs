using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using KvRaft.V1;
using ShardLimits = KvRaft.Storage.Commands.ShardLimits;
using WriteOptions = KvRaft.V1.WriteOptions;

namespace KvRaft.Node.Tests.Running;

/// <summary>Every call refuses an invalid request, names the field, and reports that nothing was executed.</summary>
public sealed class BadInputTests(SingleNode node) : IClassFixture<SingleNode>
{
    private static readonly ByteString Key = ByteString.CopyFromUtf8("k");

    private static WriteOptions Year10000 => new() { ExpireAtMs = ShardLimits.InstantMsMax + 1 };

    private static readonly Dictionary<string, (string Reason, string? Field, Func<Kv.KvClient, Task> Act)> Cases = new()
    {
        ["get without a key"] = ("INVALID_REQUEST", "key", async kv => await kv.GetAsync(new GetRequest())),
        ["get with a negative version"] = ("INVALID_REQUEST", "if_version_not", async kv => await kv.GetAsync(new GetRequest { Key = Key, IfVersionNot = -1 })),
        ["get with a staleness of 0"] = ("INVALID_REQUEST", "options.bounded.max_staleness_ms",
            async kv => await kv.GetAsync(new GetRequest { Key = Key, Options = new() { Bounded = new() } })),
        ["a key too long"] = ("LIMIT_EXCEEDED", "key", async kv => await kv.GetAsync(new GetRequest { Key = Zeros(4097) })),
        ["a value too large"] = ("LIMIT_EXCEEDED", "value", async kv => await kv.PutAsync(new PutRequest { Key = Key, Value = Zeros((1 << 20) + 1) })),
        ["a message too large"] = ("LIMIT_EXCEEDED", "message", async kv => await kv.PutAsync(new PutRequest { Key = Key, Value = Zeros(5 << 20) })),
        ["a batch too large"] = ("LIMIT_EXCEEDED", "message", async kv => await kv.MultiSetAsync(
            new MultiSetRequest { Items = { Enumerable.Range(0, 100).Select(i => new MultiSetRequest.Types.Item { Key = ByteString.CopyFromUtf8($"{i}"), Value = Zeros(1 << 16) }) } })),
        ["a negative time-out"] = ("INVALID_REQUEST", "header.timeout_ms",
            async kv => await kv.PutAsync(new PutRequest { Header = new() { TimeoutMs = -1 }, Key = Key })),
        ["an unknown keyspace"] = ("KEYSPACE_NOT_FOUND", null, async kv => await kv.PutAsync(new PutRequest { Header = new() { Keyspace = "nobody" }, Key = Key })),
        ["a keyspace name of 64 characters"] = ("LIMIT_EXCEEDED", "header.keyspace", async kv => await kv.GetAsync(new GetRequest { Header = new() { Keyspace = new string('n', 64) }, Key = Key })),
        ["a keyspace name of 4 MB"] = ("LIMIT_EXCEEDED", "header.keyspace", async kv => await kv.PutAsync(new PutRequest { Header = new() { Keyspace = new string('n', 4_000_000) }, Key = Key })),
        ["a scan of a keyspace name of 4 MB"] = ("LIMIT_EXCEEDED", "header.keyspace",
            async kv => await kv.Scan(new ScanRequest { Header = new() { Keyspace = new string('\u00e9', 2_000_000) } }).ResponseStream.MoveNext()),
        ["a multi-get of a keyspace name of 4 MB"] = ("LIMIT_EXCEEDED", "header.keyspace",
            async kv => await kv.MultiGetAsync(new MultiGetRequest { Header = new() { Keyspace = new string('n', 4_000_000) }, Keys = { Key } })),
        ["a session of a cluster id of 4 MB"] = ("LIMIT_EXCEEDED", "options.at_least.session.cluster_id",
            async kv => await kv.GetAsync(new GetRequest { Key = Key, Options = new() { AtLeast = new() { Session = new() { ClusterId = new string('n', 4_000_000) } } } })),
        ["a short client id"] = ("INVALID_REQUEST", "header.identity.client_id",
            async kv => await kv.PutAsync(new PutRequest { Header = new() { Identity = new() { ClientId = Key, Sequence = 1, FirstUnacked = 1 } }, Key = Key })),
        ["a sequence of 0"] = ("INVALID_REQUEST", "header.identity.sequence",
            async kv => await kv.PutAsync(new PutRequest { Header = new() { Identity = new() { ClientId = Zeros(16), FirstUnacked = 1 } }, Key = Key })),
        ["an acknowledged future"] = ("INVALID_REQUEST", "header.identity.first_unacked",
            async kv => await kv.PutAsync(new PutRequest { Header = new() { Identity = new() { ClientId = Zeros(16), Sequence = 1, FirstUnacked = 2 } }, Key = Key })),
        ["a time-to-live of 0"] = ("INVALID_REQUEST", "options.ttl_ms",
            async kv => await kv.PutAsync(new PutRequest { Key = Key, Options = new WriteOptions { TtlMs = 0 } })),
        ["a negative time-to-live"] = ("INVALID_REQUEST", "options.ttl_ms",
            async kv => await kv.PutAsync(new PutRequest { Key = Key, Options = new WriteOptions { TtlMs = long.MinValue } })),
        ["a time-to-live beyond a hundred years"] = ("LIMIT_EXCEEDED", "options.ttl_ms",
            async kv => await kv.PutAsync(new PutRequest { Key = Key, Options = new WriteOptions { TtlMs = long.MaxValue } })),
        ["a put that ends before 1970"] = ("INVALID_REQUEST", "options.expire_at_ms",
            async kv => await kv.PutAsync(new PutRequest { Key = Key, Options = new WriteOptions { ExpireAtMs = -1 } })),
        ["a put that ends beyond the year 9999"] = ("LIMIT_EXCEEDED", "options.expire_at_ms",
            async kv => await kv.PutAsync(new PutRequest { Key = Key, Options = Year10000 })),
        ["a put that ends at the end of 64 bits"] = ("LIMIT_EXCEEDED", "options.expire_at_ms",
            async kv => await kv.PutAsync(new PutRequest { Key = Key, Options = new WriteOptions { ExpireAtMs = long.MaxValue } })),
        ["a touch that ends beyond the year 9999"] = ("LIMIT_EXCEEDED", "options.expire_at_ms",
            async kv => await kv.TouchAsync(new TouchRequest { Key = Key, Options = Year10000 })),
        ["an increment that ends beyond the year 9999"] = ("LIMIT_EXCEEDED", "options.expire_at_ms",
            async kv => await kv.IncrementAsync(new IncrementRequest { Key = Key, Delta = 1, Options = Year10000 })),
        ["a transaction with a put that ends beyond the year 9999"] = ("LIMIT_EXCEEDED", "failure[0].options.expire_at_ms",
            async kv => await kv.TxnAsync(new TxnRequest { Failure = { new TxnOperation { Put = new() { Key = Key, Options = Year10000 } } } })),
        ["a transaction with an increment that ends beyond the year 9999"] = ("LIMIT_EXCEEDED", "success[0].options.expire_at_ms",
            async kv => await kv.TxnAsync(new TxnRequest { Success = { new TxnOperation { Increment = new() { Key = Key, Options = Year10000 } } } })),
        ["an atomic multi-set that ends beyond the year 9999"] = ("LIMIT_EXCEEDED", "success[0].options.expire_at_ms",
            async kv => await kv.MultiSetAsync(new MultiSetRequest
            {
                Atomicity = MultiSetRequest.Types.Atomicity.Shard,
                Items = { new MultiSetRequest.Types.Item { Key = Key, Options = Year10000 } },
            })),
        ["an empty condition"] = ("INVALID_REQUEST", "condition", async kv => await kv.PutAsync(new PutRequest { Key = Key, Condition = new() })),
        ["version 0 as a condition"] = ("INVALID_REQUEST", "condition.version_equals",
            async kv => await kv.PutAsync(new PutRequest { Key = Key, Condition = new() { VersionEquals = 0 } })),
        ["put-if without a condition"] = ("INVALID_REQUEST", "condition", async kv => await kv.PutIfExpectedAsync(new PutRequest { Key = Key })),
        ["delete with an expiry"] = ("INVALID_REQUEST", "options",
            async kv => await kv.DeleteAsync(new DeleteRequest { Key = Key, Options = new WriteOptions { TtlMs = 5 } })),
        ["touch without an expiry"] = ("INVALID_REQUEST", "options", async kv => await kv.TouchAsync(new TouchRequest { Key = Key })),
        ["increment with an empty condition"] = ("INVALID_REQUEST", "condition",
            async kv => await kv.IncrementAsync(new IncrementRequest { Key = Key, Condition = new() })),
        ["increment with crossed bounds"] = ("INVALID_REQUEST", "min",
            async kv => await kv.IncrementAsync(new IncrementRequest { Key = Key, Min = 5, Max = 1 })),
        ["multi-get of nothing"] = ("INVALID_REQUEST", "keys", async kv => await kv.MultiGetAsync(new MultiGetRequest())),
        ["multi-get of too much"] = ("LIMIT_EXCEEDED", "keys",
            async kv => await kv.MultiGetAsync(new MultiGetRequest { Keys = { Enumerable.Repeat(Key, 257) } })),
        ["multi-set of one key twice"] = ("INVALID_REQUEST", "items[1].key",
            async kv => await kv.MultiSetAsync(new MultiSetRequest { Items = { new MultiSetRequest.Types.Item { Key = Key }, new MultiSetRequest.Types.Item { Key = Key } } })),
        ["an empty transaction"] = ("INVALID_REQUEST", "success", async kv => await kv.TxnAsync(new TxnRequest())),
        ["a transaction that does not say what to do"] = ("INVALID_REQUEST", "success[0]",
            async kv => await kv.TxnAsync(new TxnRequest { Success = { new TxnOperation() } })),
        ["a compare without a condition"] = ("INVALID_REQUEST", "compares[0].condition",
            async kv => await kv.TxnAsync(new TxnRequest { Compares = { new TxnRequest.Types.Compare { Key = Key } } })),
        ["too long a transaction"] = ("LIMIT_EXCEEDED", "success",
            async kv => await kv.TxnAsync(new TxnRequest { Success = { Enumerable.Repeat(new TxnOperation { Get = new() { Key = Key } }, 129) } })),
        ["a scan of shard 99"] = ("INVALID_REQUEST", "shard", async kv => await kv.Scan(new ScanRequest { Shard = 99 }).ResponseStream.MoveNext()),
        ["a negative limit"] = ("INVALID_REQUEST", "limit", async kv => await kv.Scan(new ScanRequest { Limit = -1 }).ResponseStream.MoveNext()),
        ["the result of nobody's write"] = ("INVALID_REQUEST", "identity",
            async kv => await kv.GetRequestResultAsync(new GetRequestResultRequest { Key = Key })),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Is_refused_with_field_and_certainty(string name)
    {
        var (reason, field, act) = Cases[name];

        var error = await Assert.ThrowsAsync<RpcException>(() => act(node.Cluster.Kv(0)));

        var status = error.GetRpcStatus()!;
        var info = status.GetDetail<ErrorInfo>()!;
        Assert.Equal(reason, info.Reason);
        Assert.Equal("NOT_EXECUTED", info.Metadata["execution"]);
        Assert.Equal(field, status.GetDetail<BadRequest>()?.FieldViolations[0].Field);
    }

    [Fact]
    public async Task The_last_instant_is_accepted_and_read_back_and_its_limit_is_reported()
    {
        var kv = node.Cluster.Kv(0);
        var last = new WriteOptions { ExpireAtMs = ShardLimits.InstantMsMax };
        var put = await kv.PutAsync(new PutRequest { Key = ByteString.CopyFromUtf8("bad-input/last"), Options = last });
        var read = await kv.GetAsync(new GetRequest { Key = ByteString.CopyFromUtf8("bad-input/last") });
        var item = await kv.MultiSetAsync(new MultiSetRequest { Items = { new MultiSetRequest.Types.Item { Key = Key, Options = Year10000 } } });

        Assert.Equal(ShardLimits.InstantMsMax, put.ExpireAtMs);
        Assert.Equal(ShardLimits.InstantMsMax, read.Current.ExpireAtMs);
        Assert.Equal(ShardLimits.InstantMsMax - read.Header.ServerTimeMs, read.Current.TtlMs);
        var error = Assert.Single(item.Items).Error;
        Assert.Equal(("LIMIT_EXCEEDED", Execution.NotExecuted), (error.Reason, error.Execution));
        Assert.Equal($"{ShardLimits.InstantMsMax}", error.Metadata["limit"]);
        Assert.Equal("limits.expire_at_ms_max", error.Metadata["setting"]);
    }

    private static ByteString Zeros(int length) => ByteString.CopyFrom(new byte[length]);
}
