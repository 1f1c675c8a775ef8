using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Running;

public sealed class MultiKeyTests(SingleNode node) : IClassFixture<SingleNode>
{
    private readonly Kv.KvClient _kv = node.Cluster.Kv(0);
    private readonly Keyspaces.KeyspacesClient _keyspaces = new(node.Cluster.Channel(0));

    private static ByteString Bytes(string text) => ByteString.CopyFromUtf8(text);

    [Fact]
    public async Task MultiSet_answers_each_item_and_repeats_without_applying_twice()
    {
        var request = new MultiSetRequest { Header = new RequestHeader { Identity = Identity() } };
        request.Items.Add(Enumerable.Range(0, 20).Select(i => new MultiSetRequest.Types.Item { Key = Bytes($"multi/{i}"), Value = Bytes($"v{i}") }));
        request.Items.Add(new MultiSetRequest.Types.Item { Key = Bytes("multi/never"), Value = Bytes("x"), Condition = new() { Present = true } });

        var first = await _kv.MultiSetAsync(request);
        var second = await _kv.MultiSetAsync(request);

        Assert.All(first.Items.Take(20), item => Assert.True(item.Applied));
        Assert.False(first.Items[20].Applied);
        Assert.False(first.Header.Deduplicated);
        Assert.True(second.Header.Deduplicated);
        Assert.Equal(first.Items.Select(item => item.Version), second.Items.Select(item => item.Version));
    }

    [Fact]
    public async Task MultiGet_answers_in_the_order_of_the_request()
    {
        await _kv.PutAsync(new PutRequest { Key = Bytes("order/b"), Value = Bytes("B") });
        await _kv.PutAsync(new PutRequest { Key = Bytes("order/a"), Value = Bytes("A") });

        var answer = await _kv.MultiGetAsync(new MultiGetRequest { Keys = { Bytes("order/b"), Bytes("order/none"), Bytes("order/a") } });

        Assert.Equal(["B", "-", "A"], answer.Items.Select(item => item.Found ? item.Current.Value.ToStringUtf8() : "-"));
    }

    [Fact]
    public async Task A_transaction_moves_money_or_does_nothing()
    {
        await TaggedAsync();
        await _kv.PutAsync(new PutRequest { Header = Tagged(), Key = Bytes("{bank}/a"), Value = Bytes("100") });
        await _kv.PutAsync(new PutRequest { Header = Tagged(), Key = Bytes("{bank}/b"), Value = Bytes("0") });

        var moved = await _kv.TxnAsync(Move("100"));
        var refused = await _kv.TxnAsync(Move("100"));

        Assert.True(moved.Succeeded);
        Assert.Equal([70L, 30L], moved.Results.Select(result => result.Number));
        Assert.False(refused.Succeeded);
        Assert.Equal("70", Assert.Single(refused.Results).State.Value.ToStringUtf8());
    }

    // With keys that are not ASCII the refusal had 11 KiB of metadata, and grpc-core clients saw RESOURCE_EXHAUSTED, which reads as overload.
    [Theory]
    [InlineData("\u6f22", 1300)]
    [InlineData("\u00e9", 2000)]
    [InlineData("k", 4000)]
    public async Task A_refusal_with_many_long_keys_fits_into_the_metadata_that_clients_accept(string unit, int times)
    {
        var request = new TxnRequest();
        request.Success.Add(Enumerable.Range(0, 128).Select(i => new TxnOperation { Get = new() { Key = Bytes(string.Concat(Enumerable.Repeat(unit, times)) + i) } }));

        var error = await Assert.ThrowsAsync<RpcException>(async () => await _kv.TxnAsync(request));

        var info = error.GetRpcStatus()!.GetDetail<ErrorInfo>()!;
        Assert.Equal(("CROSS_SHARD_ATOMIC", "NOT_EXECUTED"), (info.Reason, info.Metadata["execution"]));
        Assert.All(Enumerable.Range(0, 4), shard => Assert.Matches(@"^success\[\d+\](,success\[\d+\])*,\.\.\. \(\d+ more\)$", info.Metadata[$"shard.{shard}"]));
        var message = System.Text.Encoding.UTF8.GetBytes(error.Status.Detail).Sum(static each => each is < 0x20 or > 0x7e or (byte)'%' ? 3 : 1);
        Assert.InRange(message + error.Trailers.Sum(static entry => entry.Key.Length + 32 + (entry.IsBinary ? (entry.ValueBytes.Length + 2) / 3 * 4 : entry.Value.Length)), 100, 7 << 10);
    }

    [Fact]
    public async Task A_transaction_over_several_shards_is_refused_and_names_them()
    {
        var request = new TxnRequest();
        request.Success.Add(Enumerable.Range(0, 20).Select(i => new TxnOperation { Put = new() { Key = Bytes($"k{i}"), Value = Bytes("x") } }));

        var error = await Assert.ThrowsAsync<RpcException>(async () => await _kv.TxnAsync(request));

        Assert.Equal("CROSS_SHARD_ATOMIC", error.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason);
        Assert.Contains("shard", error.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_scan_finds_every_key_once_and_goes_on_from_its_token()
    {
        await _keyspaces.CreateAsync(new CreateKeyspaceRequest { Keyspace = new() { Name = "scanned" } });
        var keys = Enumerable.Range(0, 57).Select(i => $"key{i:d2}").ToArray();
        foreach (var key in keys)
        {
            await _kv.PutAsync(new PutRequest { Header = new() { Keyspace = "scanned" }, Key = Bytes(key), Value = Bytes("v" + key) });
        }

        var found = new List<string>();
        var (token, calls) = (ByteString.Empty, 0);
        do
        {
            using var call = _kv.Scan(new ScanRequest { Header = new() { Keyspace = "scanned" }, Limit = 10, ResumeToken = token });
            await foreach (var chunk in call.ResponseStream.ReadAllAsync())
            {
                found.AddRange(chunk.Items.Select(item => item.Key.ToStringUtf8()));
                Assert.All(chunk.Items, item => Assert.Equal("v" + item.Key.ToStringUtf8(), item.State.Value.ToStringUtf8()));
                Assert.Equal(chunk.Done, chunk.ResumeToken.IsEmpty);
                token = chunk.ResumeToken;
            }

            calls++;
        }
        while (!token.IsEmpty);

        Assert.Equal(keys, found.Order(StringComparer.Ordinal));
        Assert.True(calls >= 6);
    }

    [Theory]
    [InlineData("ranges1", "key0", "", "", 10)]
    [InlineData("ranges2", "", "key10", "key12", 2)]
    [InlineData("ranges3", "key1", "key15", "", 5)]
    [InlineData("ranges4", "zzz", "", "", 0)]
    public async Task A_scan_keeps_to_prefix_start_and_end(string keyspace, string prefix, string start, string end, int expected)
    {
        await _keyspaces.CreateAsync(new CreateKeyspaceRequest { Keyspace = new() { Name = keyspace } });
        await _kv.MultiSetAsync(new MultiSetRequest
        {
            Header = new() { Keyspace = keyspace },
            Items = { Enumerable.Range(0, 20).Select(i => new MultiSetRequest.Types.Item { Key = Bytes($"key{i:d2}"), Value = Bytes("x") }) },
        });

        using var call = _kv.Scan(new ScanRequest
        {
            Header = new() { Keyspace = keyspace },
            Prefix = Bytes(prefix),
            Start = Bytes(start),
            End = Bytes(end),
            KeysOnly = true,
        });
        var items = await call.ResponseStream.ReadAllAsync().SelectMany(chunk => chunk.Items.ToAsyncEnumerable()).ToListAsync();

        Assert.Equal(expected, items.Count);
        Assert.All(items, item => Assert.True(item.State.Value.IsEmpty));
    }

    [Fact]
    public async Task A_token_of_another_keyspace_is_refused()
    {
        using var call = _kv.Scan(new ScanRequest { ResumeToken = Bytes("nonsense") });

        var error = await Assert.ThrowsAsync<RpcException>(async () => await call.ResponseStream.MoveNext());

        Assert.Equal("CURSOR_INVALID", error.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason);
    }

    [Fact]
    public async Task The_result_of_a_write_can_be_asked_for()
    {
        var identity = Identity();
        var question = new GetRequestResultRequest { Identity = identity, Key = Bytes("result/a") };

        var before = await _kv.GetRequestResultAsync(question);
        var put = await _kv.PutAsync(new PutRequest { Header = new() { Identity = identity }, Key = Bytes("result/a"), Value = Bytes("x") });
        var after = await _kv.GetRequestResultAsync(question);

        Assert.Equal(GetRequestResultResponse.Types.State.NotSeen, before.State);
        Assert.Equal(GetRequestResultResponse.Types.State.Executed, after.State);
        Assert.Equal((true, put.Version), (after.Applied, after.Version));
    }

    [Fact]
    public async Task The_result_of_an_acknowledged_write_is_expired_not_unseen()
    {
        var first = Identity();
        var second = new RequestIdentity { ClientId = first.ClientId, Sequence = 2, FirstUnacked = 2 };
        await _kv.IncrementAsync(new IncrementRequest { Header = new() { Identity = first }, Key = Bytes("result/n"), Delta = 7 });
        var known = await _kv.GetRequestResultAsync(new GetRequestResultRequest { Identity = first, Key = Bytes("result/n") });
        await _kv.IncrementAsync(new IncrementRequest { Header = new() { Identity = second }, Key = Bytes("result/n"), Delta = 7 });
        var forgotten = await _kv.GetRequestResultAsync(new GetRequestResultRequest { Identity = first, Key = Bytes("result/n") });

        Assert.Equal((GetRequestResultResponse.Types.State.Executed, 7L), (known.State, known.Number));
        Assert.Equal(GetRequestResultResponse.Types.State.Expired, forgotten.State);
    }

    /// <summary>Apply reads and hashes each value that is compared by hash once, so the values of one transaction are limited, not its compares.</summary>
    [Fact]
    public async Task A_transaction_may_compare_hashes_of_so_many_bytes_and_of_one_value_often()
    {
        await TaggedAsync();
        var value = ByteString.CopyFrom(new byte[1 << 20]);
        var condition = new Condition { ValueSha256Equals = ByteString.CopyFrom(System.Security.Cryptography.SHA256.HashData(value.Span)) };
        var keys = Enumerable.Range(0, 17).Select(static i => Bytes($"{{hash}}/{i}")).ToList();
        foreach (var key in keys)
        {
            await _kv.PutAsync(new PutRequest { Header = Tagged(), Key = key, Value = value });
        }

        TxnRequest Compare(IEnumerable<ByteString> compared) => new()
        {
            Header = Tagged(),
            Compares = { compared.Select(key => new TxnRequest.Types.Compare { Key = key, Condition = condition }) },
        };

        Assert.True((await _kv.TxnAsync(Compare(Enumerable.Repeat(keys[0], 128)))).Succeeded);
        Assert.True((await _kv.TxnAsync(Compare(keys.Take(16)))).Succeeded);
        var error = await Assert.ThrowsAsync<RpcException>(async () => await _kv.TxnAsync(Compare(keys)));
        var info = error.GetRpcStatus()!.GetDetail<ErrorInfo>();
        Assert.Equal(
            ("LIMIT_EXCEEDED", "NOT_EXECUTED", $"{16 << 20}", $"{17 << 20}"), (info.Reason, info.Metadata["execution"], info.Metadata["limit"], info.Metadata["actual"]));
    }

    [Fact]
    public async Task The_result_of_a_refused_write_and_of_one_item_of_many_can_be_asked_for()
    {
        var identity = Identity();
        await _kv.MultiSetAsync(new MultiSetRequest
        {
            Header = new() { Identity = identity },
            Items = { new MultiSetRequest.Types.Item { Key = Bytes("result/m0"), Value = Bytes("text") }, new MultiSetRequest.Types.Item { Key = Bytes("result/m1") } },
        });
        var refused = Identity();
        await Assert.ThrowsAsync<RpcException>(async () =>
            await _kv.IncrementAsync(new IncrementRequest { Header = new() { Identity = refused }, Key = Bytes("result/m0"), Delta = 1 }));

        var item = await _kv.GetRequestResultAsync(new GetRequestResultRequest { Identity = identity, Key = Bytes("result/m1"), Item = 1 });
        var refusal = await _kv.GetRequestResultAsync(new GetRequestResultRequest { Identity = refused, Key = Bytes("result/m0") });

        Assert.True(item is { State: GetRequestResultResponse.Types.State.Executed, Applied: true });
        Assert.Equal((GetRequestResultResponse.Types.State.Executed, "NOT_A_NUMBER"), (refusal.State, refusal.RefusalReason));
    }

    private static TxnRequest Move(string expected) => new()
    {
        Header = Tagged(),
        Compares = { new TxnRequest.Types.Compare { Key = Bytes("{bank}/a"), Condition = new() { ValueEquals = Bytes(expected) } } },
        Success =
        {
            new TxnOperation { Increment = new() { Key = Bytes("{bank}/a"), Delta = -30 } },
            new TxnOperation { Increment = new() { Key = Bytes("{bank}/b"), Delta = 30 } },
        },
        Failure = { new TxnOperation { Get = new() { Key = Bytes("{bank}/a") } } },
    };

    private static RequestHeader Tagged() => new() { Keyspace = "tagged" };

    private async Task TaggedAsync() => await _keyspaces.CreateAsync(new CreateKeyspaceRequest
    {
        Keyspace = new() { Name = "tagged", Routing = RoutingRule.Tag },
        IfNotExists = true,
    });

    private static RequestIdentity Identity() => new()
    {
        ClientId = ByteString.CopyFrom(Guid.CreateVersion7().ToByteArray(bigEndian: true)),
        Sequence = 1,
        FirstUnacked = 1,
    };
}
