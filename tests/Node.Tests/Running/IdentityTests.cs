using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Running;

/// <summary>The identity of a write covers what its client sent: settings that change between two attempts do not make the second one another write.</summary>
public sealed class IdentityTests(ThreeNodes nodes) : IClassFixture<ThreeNodes>
{
    private readonly string _keyspace = "ids-" + Guid.NewGuid().ToString("N");
    private readonly RunningCluster _cluster = nodes.Cluster;
    private readonly Keyspaces.KeyspacesClient _keyspaces = new(nodes.Cluster.Channel(0));

    [Fact]
    public async Task A_repeat_after_the_default_time_to_live_changed_gets_the_first_answer()
    {
        await CreateAsync();
        var add = new IncrementRequest { Header = Header(), Key = Bytes("n"), Delta = 5 };
        var txn = new TxnRequest { Header = Header(), Success = { new TxnOperation { Put = new() { Key = Bytes("t"), Value = Bytes("v") } } } };
        var first = await Kv(0).IncrementAsync(add);
        var moved = await Kv(0).TxnAsync(txn);

        await AlterAsync(new AlterKeyspaceRequest { TtlDefaultMs = 5_000 }, info => info.TtlDefaultMs == 5_000);

        foreach (var node in Enumerable.Range(0, 3))
        {
            var again = await Kv(node).IncrementAsync(add);
            Assert.Equal((5L, first.Version, true), (again.Value, again.Version, again.Header.Deduplicated));
            var movedAgain = await Kv(node).TxnAsync(txn);
            Assert.Equal((moved.Version, true), (movedAgain.Version, movedAgain.Header.Deduplicated));
        }
    }

    [Fact]
    public async Task A_repeat_after_a_limit_of_the_keyspace_was_lowered_gets_the_first_answer_and_a_new_write_is_refused()
    {
        await CreateAsync();
        var put = new PutRequest { Header = Header(), Key = Bytes("k"), Value = Bytes("eleven byte"), Options = new() { TtlMs = 3_600_000 } };
        var txn = new TxnRequest { Header = Header(), Success = { new TxnOperation { Put = new() { Key = Bytes("t"), Value = put.Value } } } };
        var set = new MultiSetRequest { Header = Header(), Items = { new MultiSetRequest.Types.Item { Key = Bytes("m"), Value = put.Value } } };
        var first = await Kv(0).PutAsync(put);
        var moved = await Kv(0).TxnAsync(txn);
        var many = await Kv(0).MultiSetAsync(set);

        await AlterAsync(new AlterKeyspaceRequest { ValueBytesMax = 10, TtlMaxMs = 60_000 }, info => info.ValueBytesMax == 10);

        foreach (var node in Enumerable.Range(0, 3))
        {
            var again = await Kv(node).PutAsync(put);
            Assert.Equal((true, first.Version, true), (again.Applied, again.Version, again.Header.Deduplicated));
            Assert.Equal(moved.Version, (await Kv(node).TxnAsync(txn)).Version);
            Assert.Equal(many.Items[0].Version, (await Kv(node).MultiSetAsync(set)).Items[0].Version);

            var (other, otherTxn) = (put.Clone(), txn.Clone());
            (other.Header, otherTxn.Header) = (Header(), Header());
            Assert.Equal(("LIMIT_EXCEEDED", "NOT_EXECUTED"), await RefusalAsync(async () => await Kv(node).PutAsync(other)));
            Assert.Equal(("LIMIT_EXCEEDED", "NOT_EXECUTED"), await RefusalAsync(async () => await Kv(node).TxnAsync(otherTxn)));
            (other.Header.Identity, otherTxn.Header.Identity) = (null, null);
            Assert.Equal(("LIMIT_EXCEEDED", "NOT_EXECUTED"), await RefusalAsync(async () => await Kv(node).PutAsync(other)));
            Assert.Equal(("LIMIT_EXCEEDED", "NOT_EXECUTED"), await RefusalAsync(async () => await Kv(node).TxnAsync(otherTxn)));
        }

        // The identity of an applied write does not lend its permission to another one.
        var reused = put.Clone();
        reused.Value = Bytes("another value");
        Assert.Equal(("REQUEST_ID_REUSED", "NOT_EXECUTED"), await RefusalAsync(async () => await Kv(1).PutAsync(reused)));
        Assert.Equal("eleven byte", (await Kv(2).GetAsync(new GetRequest { Header = new() { Keyspace = _keyspace }, Key = put.Key })).Current.Value.ToStringUtf8());
    }

    [Fact]
    public async Task A_multi_set_repeated_with_its_items_in_another_order_is_applied_once()
    {
        await CreateAsync();
        var keys = Enumerable.Range(0, 20).Select(static i => Bytes($"k{i}")).ToArray();
        var request = new MultiSetRequest
        {
            Header = Header(),
            Items = { keys.Select(static key => new MultiSetRequest.Types.Item { Key = key, Value = key }) },
        };
        var first = await Kv(0).MultiSetAsync(request);

        var reordered = request.Clone();
        reordered.Items.Clear();
        reordered.Items.Add(request.Items.Reverse());
        var second = await Kv(1).MultiSetAsync(reordered);

        Assert.Equal(first.Items.Select(static item => item.Version), second.Items.Reverse().Select(static item => item.Version));
        Assert.True(second.Header.Deduplicated);
    }

    [Fact]
    public async Task An_eventual_write_under_the_identity_of_another_one_is_refused_and_not_acknowledged()
    {
        await CreateAsync(new EventualPolicy { Conflict = ConflictPolicy.LastWriter });
        var put = new EventualPutRequest { Header = Header(), Key = Bytes("k"), Value = Bytes("first") };
        await Eventual(0).PutAsync(put);
        await Eventual(0).PutAsync(put);

        var second = put.Clone();
        second.Value = Bytes("SECOND");
        Assert.Equal(("REQUEST_ID_REUSED", "NOT_EXECUTED"), await RefusalAsync(async () => await Eventual(0).PutAsync(second)));
        Assert.Equal("first", (await Eventual(0).GetAsync(new EventualGetRequest { Header = new() { Keyspace = _keyspace }, Key = put.Key })).Values.Single().Value.ToStringUtf8());
    }

    [Fact]
    public async Task An_addition_under_the_identity_of_another_one_is_refused_and_not_acknowledged()
    {
        await CreateAsync(new EventualPolicy { Conflict = ConflictPolicy.Counter });
        var add = new EventualUpdateRequest { Header = Header(), Key = Bytes("k"), Value = new TypedChange { AddToCounter = 1 } };
        await Eventual(0).UpdateAsync(add);
        Assert.Equal(1, (await Eventual(0).UpdateAsync(add)).Typed.Counter);

        var ten = add.Clone();
        ten.Value.AddToCounter = 10;
        Assert.Equal(("REQUEST_ID_REUSED", "NOT_EXECUTED"), await RefusalAsync(async () => await Eventual(0).UpdateAsync(ten)));
        ten.Header = Header();
        Assert.Equal(11, (await Eventual(0).UpdateAsync(ten)).Typed.Counter);
    }

    [Fact]
    public async Task An_eventual_repeat_after_a_limit_of_the_keyspace_was_lowered_is_answered()
    {
        await CreateAsync(new EventualPolicy());
        var put = new EventualPutRequest { Header = Header(), Key = Bytes("k"), Value = Bytes("eleven byte") };
        await Eventual(0).PutAsync(put);

        await AlterAsync(new AlterKeyspaceRequest { ValueBytesMax = 10 }, info => info.ValueBytesMax == 10);

        Assert.Equal(1, (await Eventual(0).PutAsync(put)).Siblings);

        // Without a current value of this identity only the client's claim says that no earlier attempt was applied.
        var other = put.Clone();
        other.Header = Header();
        Assert.Equal(("LIMIT_EXCEEDED", "UNKNOWN"), await RefusalAsync(async () => await Eventual(0).PutAsync(other)));
        other.Header.Identity.FirstAttempt = true;
        Assert.Equal(("LIMIT_EXCEEDED", "NOT_EXECUTED"), await RefusalAsync(async () => await Eventual(0).PutAsync(other)));
        other.Header.Identity = null;
        Assert.Equal(("LIMIT_EXCEEDED", "NOT_EXECUTED"), await RefusalAsync(async () => await Eventual(0).PutAsync(other)));
    }

    private static ByteString Bytes(string text) => ByteString.CopyFromUtf8(text);

    private Kv.KvClient Kv(int node) => _cluster.Kv(node);

    private EventualKv.EventualKvClient Eventual(int node) => new(_cluster.Channel(node));

    private RequestHeader Header() => new()
    {
        Keyspace = _keyspace,
        Identity = new() { ClientId = ByteString.CopyFrom(Guid.CreateVersion7().ToByteArray(bigEndian: true)), Sequence = 1, FirstUnacked = 1 },
    };

    private async Task CreateAsync(EventualPolicy? eventual = null) => await _keyspaces.CreateAsync(new CreateKeyspaceRequest
    {
        Keyspace = new KeyspaceInfo
        {
            Name = _keyspace,
            Mode = eventual is null ? KeyspaceMode.Strong : KeyspaceMode.Eventual,
            Routing = eventual is null ? RoutingRule.Tag : RoutingRule.WholeKey,
            Eventual = eventual,
        },
    });

    /// <summary>Changes the keyspace, and returns when every node has the change.</summary>
    private async Task AlterAsync(AlterKeyspaceRequest request, Func<KeyspaceInfo, bool> isThere)
    {
        request.Name = _keyspace;
        await _keyspaces.AlterAsync(request);
        for (var node = 0; node < 3; node++)
        {
            var view = new Keyspaces.KeyspacesClient(_cluster.Channel(node));
            while (!isThere(await view.GetAsync(new GetKeyspaceRequest { Name = _keyspace })))
            {
                await Task.Delay(10, TestContext.Current.CancellationToken);
            }
        }
    }

    private static async Task<(string Reason, string Execution)> RefusalAsync(Func<Task> act)
    {
        var info = (await Assert.ThrowsAsync<RpcException>(act)).GetRpcStatus()!.GetDetail<ErrorInfo>();
        return (info.Reason, info.Metadata["execution"]);
    }
}
