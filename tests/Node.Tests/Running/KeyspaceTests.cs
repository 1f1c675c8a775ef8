using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Running;

public sealed class KeyspaceTests(SingleNode node) : IClassFixture<SingleNode>
{
    private readonly Kv.KvClient _kv = node.Cluster.Kv(0);
    private readonly Keyspaces.KeyspacesClient _keyspaces = new(node.Cluster.Channel(0));

    private static ByteString Bytes(string text) => ByteString.CopyFromUtf8(text);

    [Fact]
    public async Task A_keyspace_can_be_used_as_soon_as_it_was_made_and_keeps_its_own_keys()
    {
        var made = await _keyspaces.CreateAsync(new CreateKeyspaceRequest { Keyspace = new() { Name = "own", ValueBytesMax = 4 } });
        await _kv.PutAsync(new PutRequest { Header = new() { Keyspace = "own" }, Key = Bytes("k"), Value = Bytes("own") });

        Assert.True(made.Id > 1);
        Assert.False((await _kv.GetAsync(new GetRequest { Key = Bytes("k") })).Found);
        Assert.Equal("own", (await _kv.GetAsync(new GetRequest { Header = new() { Keyspace = "own" }, Key = Bytes("k") })).Current.Value.ToStringUtf8());
        await FailsAsync("LIMIT_EXCEEDED", async () =>
            await _kv.PutAsync(new PutRequest { Header = new() { Keyspace = "own" }, Key = Bytes("k"), Value = Bytes("long!") }));
    }

    [Fact]
    public async Task Creating_a_keyspace_twice_is_an_error_unless_permitted_by_the_request()
    {
        var request = new CreateKeyspaceRequest { Keyspace = new() { Name = "twice" } };
        var first = await _keyspaces.CreateAsync(request);

        await FailsAsync("KEYSPACE_EXISTS", async () => await _keyspaces.CreateAsync(request));
        request.IfNotExists = true;
        Assert.Equal(first.Id, (await _keyspaces.CreateAsync(request)).Id);
        request.Keyspace.TtlDefaultMs = 1000;
        await FailsAsync("KEYSPACE_EXISTS", async () => await _keyspaces.CreateAsync(request));
    }

    [Fact]
    public async Task Altering_changes_what_was_named_and_nothing_else()
    {
        await _keyspaces.CreateAsync(new CreateKeyspaceRequest { Keyspace = new() { Name = "altered", ValueBytesMax = 100 } });

        var altered = await _keyspaces.AlterAsync(new AlterKeyspaceRequest { Name = "altered", TtlDefaultMs = 3_600_000 });
        await _kv.PutAsync(new PutRequest { Header = new() { Keyspace = "altered" }, Key = Bytes("k"), Value = Bytes("v") });
        var read = await _kv.GetAsync(new GetRequest { Header = new() { Keyspace = "altered" }, Key = Bytes("k") });

        Assert.Equal((3_600_000L, 100), (altered.TtlDefaultMs, altered.ValueBytesMax));
        Assert.True(read.Current.ExpireAtMs > read.Header.ServerTimeMs);
    }

    [Fact]
    public async Task No_value_outlives_the_limit_of_its_keyspace()
    {
        const long HourMs = 3_600_000;
        var header = new RequestHeader { Keyspace = "short" };
        await _keyspaces.CreateAsync(new CreateKeyspaceRequest { Keyspace = new() { Name = "short", TtlMaxMs = HourMs } });

        await _kv.PutAsync(new PutRequest { Header = header, Key = Bytes("k"), Value = Bytes("v") });
        var unsaid = await _kv.GetAsync(new GetRequest { Header = header, Key = Bytes("k") });
        await FailsAsync("LIMIT_EXCEEDED", async () => await _kv.PutAsync(Put(new() { TtlMs = HourMs + 1 })));
        await FailsAsync("LIMIT_EXCEEDED", async () => await _kv.PutAsync(Put(new() { ExpireAtMs = unsaid.Header.ServerTimeMs + (3 * HourMs) })));
        await FailsAsync("LIMIT_EXCEEDED", async () => await _kv.PutAsync(Put(new() { NoExpiry = true })));
        await FailsAsync("LIMIT_EXCEEDED", async () => await _kv.TouchAsync(new TouchRequest { Header = header, Key = Bytes("k"), Options = new() { NoExpiry = true } }));
        await FailsAsync("LIMIT_EXCEEDED", async () => await _kv.IncrementAsync(new IncrementRequest { Header = header, Key = Bytes("n"), Options = new() { TtlMs = HourMs + 1 } }));
        await FailsAsync("LIMIT_EXCEEDED", async () => await _kv.TxnAsync(new TxnRequest
        {
            Header = header,
            Success = { new TxnOperation { Put = new() { Key = Bytes("k"), Options = new() { TtlMs = HourMs + 1 } } } },
        }));
        await _kv.PutAsync(Put(new() { TtlMs = HourMs }));

        Assert.InRange(unsaid.Current.ExpireAtMs - unsaid.Header.ServerTimeMs, HourMs / 2, HourMs);
        await FailsAsync("INVALID_REQUEST", async () => await _keyspaces.AlterAsync(new AlterKeyspaceRequest { Name = "short", TtlDefaultMs = HourMs + 1 }));
        await _keyspaces.AlterAsync(new AlterKeyspaceRequest { Name = "short", TtlMaxMs = 0 });
        await _kv.PutAsync(Put(new() { NoExpiry = true }));

        PutRequest Put(V1.WriteOptions options) => new() { Header = header, Key = Bytes("k"), Value = Bytes("v"), Options = options };
    }

    [Fact]
    public async Task A_dropped_keyspace_is_gone_and_its_data_does_not_return_with_its_name()
    {
        var request = new CreateKeyspaceRequest { Keyspace = new() { Name = "dropped" } };
        var first = await _keyspaces.CreateAsync(request);
        await _kv.PutAsync(new PutRequest { Header = new() { Keyspace = "dropped" }, Key = Bytes("k"), Value = Bytes("old") });

        await _keyspaces.DropAsync(new DropKeyspaceRequest { Name = "dropped" });
        await FailsAsync("KEYSPACE_NOT_FOUND", async () =>
            await _kv.GetAsync(new GetRequest { Header = new() { Keyspace = "dropped" }, Key = Bytes("k") }));
        var second = await _keyspaces.CreateAsync(request);

        Assert.NotEqual(first.Id, second.Id);
        Assert.False((await _kv.GetAsync(new GetRequest { Header = new() { Keyspace = "dropped" }, Key = Bytes("k") })).Found);
    }

    [Fact]
    public async Task Lists_by_name_and_returns_the_limits()
    {
        await _keyspaces.CreateAsync(new CreateKeyspaceRequest { Keyspace = new() { Name = "alist" } });

        var names = (await _keyspaces.ListAsync(new ListKeyspacesRequest())).Keyspaces.Select(keyspace => keyspace.Name).ToArray();
        var limits = await _keyspaces.GetLimitsAsync(new GetLimitsRequest());

        Assert.Equal(names.Order(StringComparer.Ordinal), names);
        Assert.Contains("default", names);
        Assert.Contains("alist", names);
        Assert.Equal(4096, limits.KeyBytesMax);
    }

    [Theory]
    [InlineData("", 0, KeyspaceMode.Unspecified)]
    [InlineData("Capital", 0, KeyspaceMode.Unspecified)]
    [InlineData("numbered", 7, KeyspaceMode.Unspecified)]
    [InlineData("Eventual", 0, KeyspaceMode.Eventual)]
    public async Task An_invalid_keyspace_is_refused(string name, int id, KeyspaceMode mode) =>
        await FailsAsync("INVALID_REQUEST", async () =>
            await _keyspaces.CreateAsync(new CreateKeyspaceRequest { Keyspace = new() { Name = name, Id = id, Mode = mode } }));

    [Fact]
    public async Task The_default_keyspace_cannot_be_dropped_and_an_unknown_one_not_found()
    {
        await FailsAsync("INVALID_REQUEST", async () => await _keyspaces.DropAsync(new DropKeyspaceRequest { Name = "default" }));
        await FailsAsync("KEYSPACE_NOT_FOUND", async () => await _keyspaces.DropAsync(new DropKeyspaceRequest { Name = "nobody" }));
        await FailsAsync("KEYSPACE_NOT_FOUND", async () => await _keyspaces.GetAsync(new GetKeyspaceRequest { Name = "nobody" }));
    }

    private static async Task FailsAsync(string reason, Func<Task> act)
    {
        var error = await Assert.ThrowsAsync<RpcException>(act);
        Assert.Equal(reason, error.GetRpcStatus()?.GetDetail<ErrorInfo>()?.Reason);
    }
}
