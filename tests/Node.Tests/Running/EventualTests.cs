using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using KvRaft.Eventual.Causality;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Running;

/// <summary>Eventual keyspaces on three nodes.</summary>
public sealed class EventualTests(ThreeNodes nodes) : IClassFixture<ThreeNodes>
{
    // Every test has keyspaces of its own.
    private readonly string _suffix = "-" + Guid.NewGuid().ToString("N");
    private readonly RunningCluster _cluster = nodes.Cluster;

    [Fact]
    public async Task Writes_without_context_become_siblings_and_a_write_with_context_replaces_them()
    {
        await CreateAsync("carts");
        await PutAsync(0, "carts", "k", "milk");
        await PutAsync(1, "carts", "k", "bread");

        // Copies receive a new keyspace a moment after requests can use it.
        await MeetsAsync(2, "carts");
        var both = await GetAsync(2, "carts", "k");
        var written = await PutAsync(2, "carts", "k", "milk,bread", both.Context);

        Assert.Equal(["bread", "milk"], Texts(both));
        Assert.Equal(1, written.Siblings);
        Assert.True(written.Header.Overlaps);
        Assert.Equal(["milk,bread"], Texts(await GetAsync(0, "carts", "k")));
    }

    [Fact]
    public async Task A_delete_removes_what_was_read_and_nothing_else()
    {
        await CreateAsync("carts");
        await PutAsync(0, "carts", "k", "milk");
        var read = await GetAsync(0, "carts", "k");
        await PutAsync(1, "carts", "k", "bread");

        await Eventual(2).DeleteAsync(new EventualDeleteRequest { Header = Header("carts"), Key = Bytes("k"), Context = read.Context });

        Assert.Equal(["bread"], Texts(await GetAsync(1, "carts", "k")));
        await FailsAsync("INVALID_REQUEST", async () => await Eventual(0).DeleteAsync(new EventualDeleteRequest { Header = Header("carts"), Key = Bytes("k") }));
    }

    [Fact]
    public async Task Typed_values_merge_the_writes_of_two_nodes()
    {
        await CreateAsync("counters", ConflictPolicy.Counter);
        await CreateAsync("sets", ConflictPolicy.Set);
        await CreateAsync("maps", ConflictPolicy.Map);

        await Task.WhenAll(Enumerable.Range(0, 3).Select(node => UpdateAsync(node, "counters", new TypedChange { AddToCounter = node + 1 })));
        await Task.WhenAll(Enumerable.Range(0, 3).Select(node =>
            UpdateAsync(node, "sets", new TypedChange { ChangeSet = new SetChange { Add = { Bytes($"e{node}") } } })));
        await Eventual(0).UpdateAsync(new EventualUpdateRequest
        {
            Header = Header("maps"),
            Key = Bytes("k"),
            Field = new FieldChange { Name = "visits", Change = new TypedChange { AddToCounter = 2 } },
        });

        Assert.Equal(6, (await GetAsync(0, "counters", "k")).Typed.Counter);
        Assert.Equal(["e0", "e1", "e2"], (await GetAsync(1, "sets", "k")).Typed.Set.Elements.Select(static element => element.ToStringUtf8()));
        Assert.Equal(2, (await GetAsync(2, "maps", "k")).Typed.Map.Fields.Single().Value.Counter);
    }

    [Fact]
    public async Task The_last_writer_needs_no_context_and_shows_one_value()
    {
        await CreateAsync("latest", ConflictPolicy.LastWriter);
        await PutAsync(0, "latest", "k", "old");
        await PutAsync(1, "latest", "k", "new");

        Assert.Equal(["new"], Texts(await GetAsync(2, "latest", "k")));
    }

    [Fact]
    public async Task An_expired_value_is_not_returned()
    {
        await CreateAsync("short");
        var request = new EventualPutRequest { Header = Header("short"), Key = Bytes("k"), Value = Bytes("v"), TtlMs = 1 };
        var written = await Eventual(0).PutAsync(request);

        EventualGetResponse read;
        do
        {
            read = await GetAsync(0, "short", "k");
        }
        while (read.Header.ServerTimeMs <= written.Header.ServerTimeMs + 1);

        Assert.Empty(read.Values);
        Assert.NotEmpty(read.Context);
    }

    /// <summary>
    /// The check of a context was a hash that every client could compute. So a client could claim any writes of any replica: values of other clients were removed, and the key
    /// could not be written any more.
    /// </summary>
    [Fact]
    public async Task A_context_that_no_node_gave_is_refused_by_every_node_and_changes_nothing()
    {
        await CreateAsync("carts");
        await CreateAsync("baskets");
        await PutAsync(0, "carts", "k", "milk");
        var context = (await GetAsync(1, "carts", "k")).Context.ToByteArray();
        ByteString Forged(byte version, int actors)
        {
            var seen = VersionVector.TryOf([.. Enumerable.Range(1, actors).Select(static i => new Dot(new ActorId((ulong)i, 1), long.MaxValue))])!;
            var key = new Topology.ContextKey(context[1], [.. new byte[Topology.ContextKey.SecretBytes]]);
            var forged = new CausalContext([key], _cluster.Options(0).ClusterId, new Topology.KeyspaceId(1), Bytes("k").Memory).Encode(seen);
            forged[0] = version;
            return ByteString.CopyFrom(forged);
        }

        for (var node = 0; node < 3; node++)
        {
            foreach (var made in new[] { Forged(2, 1), Forged(2, SiblingSetCodec.ActorsMax), Forged(1, 1), Bytes("x"), ByteString.CopyFrom(context[..^1]) })
            {
                Assert.Equal("NOT_EXECUTED", (await FailsAsync("CONTEXT_INVALID", () => PutAsync(node, "carts", "k", "x", made))).Metadata["execution"]);
            }

            await FailsAsync("CONTEXT_INVALID", () => PutAsync(node, "baskets", "k", "x", ByteString.CopyFrom(context)));
        }

        Assert.Equal(["milk"], (await GetAsync(2, "carts", "k")).Values.Select(value => value.Value.ToStringUtf8()));
        Assert.Equal(1, (await PutAsync(2, "carts", "k", "bread", ByteString.CopyFrom(context))).Siblings);
    }

    [Fact]
    public async Task A_page_of_a_bucket_takes_no_position_of_another_one()
    {
        await CreateAsync("carts");
        var options = _cluster.Options(0);
        var proof = KvRaft.Node.Security.NodeProof.Of(options, KvRaft.Node.Security.ClusterSecretFile.Authentication(options));
        var trees = new EventualTrees.EventualTreesClient(KvRaft.Node.Security.ProvingInterceptor.Over(_cluster.Channel(0), proof.Towards(options.NodeId)));
        var request = new BucketKeysRequest { Keyspace = 2, TokenRange = 7, Bucket = 1, After = new StateKey { Keyspace = 1, Key = Bytes("a") } };

        await FailsAsync("INVALID_REQUEST", async () => await trees.BucketKeysAsync(request));
        request.After = new StateKey { Keyspace = 2, Token = ulong.MaxValue, Key = Bytes("a") };
        await FailsAsync("INVALID_REQUEST", async () => await trees.BucketKeysAsync(request));
    }

    [Fact]
    public async Task An_impossible_request_is_refused_with_its_reason()
    {
        await CreateAsync("carts");
        await CreateAsync("counters", ConflictPolicy.Counter);
        await PutAsync(0, "carts", "k", "milk");
        var context = (await GetAsync(0, "carts", "k")).Context;
        var bent = context.ToByteArray();
        bent[^1] ^= 1;

        await FailsAsync("CONTEXT_INVALID", () => PutAsync(0, "carts", "other", "x", context));
        await FailsAsync("CONTEXT_INVALID", () => PutAsync(0, "carts", "k", "x", ByteString.CopyFrom(bent)));
        await FailsAsync("INVALID_REQUEST", () => PutAsync(0, "carts", "k", "x", quorum: new QuorumOptions { W = 4 }));
        await FailsAsync("INVALID_REQUEST", () => GetAsync(0, "carts", "k", new QuorumOptions { R = 0 }));
        await FailsAsync("INVALID_REQUEST", () => PutAsync(0, "counters", "k", "x"));
        await FailsAsync("INVALID_REQUEST", () => UpdateAsync(0, "counters", new TypedChange { WriteRegister = Bytes("x") }));
        await FailsAsync("INVALID_REQUEST", () => UpdateAsync(0, "carts", new TypedChange { AddToCounter = 1 }));
        await FailsAsync("INVALID_REQUEST", async () =>
            await Eventual(0).DeleteAsync(new EventualDeleteRequest { Header = Header("counters"), Key = Bytes("k"), Context = context }));
        await FailsAsync("OUT_OF_BOUNDS", async () =>
        {
            await UpdateAsync(0, "counters", new TypedChange { AddToCounter = long.MaxValue });
            await UpdateAsync(0, "counters", new TypedChange { AddToCounter = long.MaxValue });
        });
        await FailsAsync("WRONG_MODE", () => GetAsync(0, "default", "k"));
        await FailsAsync("WRONG_MODE", async () => await _cluster.Kv(0).GetAsync(new GetRequest { Header = Header("carts"), Key = Bytes("k") }));
        await FailsAsync("WRONG_MODE", async () =>
            await _cluster.Kv(0).PutAsync(new PutRequest { Header = Header("carts"), Key = Bytes("k"), Value = Bytes("v") }));
        Assert.Equal(["milk"], Texts(await GetAsync(1, "carts", "k")));
    }

    [Fact]
    public async Task Siblings_accumulate_up_to_the_limit_and_can_then_be_resolved()
    {
        await CreateAsync("carts");
        for (var i = 0; i < 100; i++)
        {
            await PutAsync(i % 3, "carts", "k", $"v{i}");
        }

        var refused = await FailsAsync("TOO_MANY_SIBLINGS", () => PutAsync(0, "carts", "k", "one more"));
        Assert.Equal("100", refused.Metadata["limit"]);
        var all = await GetAsync(0, "carts", "k");
        Assert.Equal(100, all.Values.Count);
        Assert.Equal(1, (await PutAsync(0, "carts", "k", "resolved", all.Context)).Siblings);
    }

    [Fact]
    public async Task The_keys_with_most_values_are_listed_and_repair_can_be_paused()
    {
        await CreateAsync("carts");
        foreach (var (key, count) in new[] { ("two", 2), ("four", 4), ("one", 1) })
        {
            for (var i = 0; i < count; i++)
            {
                await PutAsync(i % 3, "carts", key, $"v{i}", quorum: new QuorumOptions { W = 3 });
            }
        }

        var repair = new EventualRepair.EventualRepairClient(_cluster.Channel(1));
        var top = await repair.TopSiblingsAsync(new TopSiblingsRequest { Keyspace = "carts" + _suffix });
        Assert.Equal([("four", 4, 8L), ("two", 2, 4L)], top.Keys.Select(static found => (found.Key.ToStringUtf8(), found.Siblings, found.Bytes)));
        Assert.True(top.Several >= 2);
        await FailsAsync("WRONG_MODE", () => repair.TopSiblingsAsync(new TopSiblingsRequest { Keyspace = "default" }).ResponseAsync);
        await FailsAsync("INVALID_REQUEST", () => repair.TopSiblingsAsync(new TopSiblingsRequest { Keyspace = "carts" + _suffix, Count = 1001 }).ResponseAsync);

        await repair.PauseRepairAsync(new PauseRepairRequest { Pause = true });
        Assert.True((await repair.RepairStatusAsync(new RepairStatusRequest())).Paused);
        await repair.PauseRepairAsync(new PauseRepairRequest());
        Assert.False((await repair.RepairStatusAsync(new RepairStatusRequest())).Paused);
    }

    public static TheoryData<string, EventualPolicy> ImpossiblePolicies => new()
    {
        { "keyspace.eventual.n", new EventualPolicy { N = 4 } },
        { "keyspace.eventual.r", new EventualPolicy { R = 0 } },
        { "keyspace.eventual.w", new EventualPolicy { N = 2, W = 3 } },
        { "keyspace.eventual.conflict", new EventualPolicy { Conflict = (ConflictPolicy)77 } },
        { "keyspace.eventual.durability", new EventualPolicy { Durability = (EventualDurability)77 } },
    };

    [Fact]
    public async Task An_impossible_policy_is_refused_and_a_possible_one_is_returned()
    {
        foreach (var (field, policy) in ImpossiblePolicies.Select(static row => row.Data))
        {
            var error = await Assert.ThrowsAsync<RpcException>(() => CreateAsync("impossible", policy));
            Assert.Equal(field, error.GetRpcStatus()!.GetDetail<BadRequest>().FieldViolations.Single().Field);
        }

        var told = await CreateAsync("told", new EventualPolicy { N = 2, Conflict = ConflictPolicy.Set, Strict = true });
        Assert.Equal((2, 2, 2, true, ConflictPolicy.Set), (told.Eventual.N, told.Eventual.R, told.Eventual.W, told.Eventual.Strict, told.Eventual.Conflict));
        Assert.True(told.Epoch > 0);
        told.Epoch = 0; // of the answer to a change alone
        Assert.Equal(told, await new V1.Keyspaces.KeyspacesClient(_cluster.Channel(1)).GetAsync(new GetKeyspaceRequest { Name = told.Name }));
    }

    [Fact]
    public async Task A_dropped_keyspace_does_not_come_back_with_its_name()
    {
        await CreateAsync("carts");
        await PutAsync(0, "carts", "k", "milk");

        await new V1.Keyspaces.KeyspacesClient(_cluster.Channel(1)).DropAsync(new DropKeyspaceRequest { Name = "carts" + _suffix });
        await CreateAsync("carts");

        Assert.Empty((await GetAsync(0, "carts", "k")).Values);
    }

    /// <summary>Altered while it is used; values written under the old counts are found under the new ones, and after a short time answers report that they overlap them.</summary>
    [Fact]
    public async Task Counts_and_conflict_policies_are_altered_and_nothing_is_lost()
    {
        await CreateAsync("carts", new EventualPolicy { N = 1, R = 1, W = 1 });
        for (var i = 0; i < 20; i++)
        {
            await PutAsync(i % 3, "carts", $"k{i}", "milk");
        }

        var altered = await AlterAsync("carts", new EventualPolicyChange { N = 3, R = 2, W = 2, Strict = true, Durability = EventualDurability.Memory });
        Assert.Equal((3, 2, 2, true, EventualDurability.Memory), (altered.Eventual.N, altered.Eventual.R, altered.Eventual.W, altered.Eventual.Strict, altered.Eventual.Durability));
        await MeetsAsync(0, "carts");
        for (var i = 0; i < 20; i++)
        {
            var read = await GetAsync(i % 3, "carts", $"k{i}");
            Assert.True(read.Header.Overlaps);
            Assert.Equal(["milk"], Texts(read));
        }

        await PutAsync(0, "carts", "k0", "bread");
        Assert.Equal(["bread", "milk"], Texts(await GetAsync(1, "carts", "k0")));
        await AlterAsync("carts", new EventualPolicyChange { Conflict = ConflictPolicy.LastWriter });
        Assert.Equal(["bread"], Texts(await GetAsync(0, "carts", "k0")));
        await AlterAsync("carts", new EventualPolicyChange { Conflict = ConflictPolicy.Siblings });
        Assert.Equal(["bread", "milk"], Texts(await GetAsync(0, "carts", "k0")));

        await FailsAsync("INVALID_REQUEST", () => AlterAsync("carts", new EventualPolicyChange { N = 4 }));
        await FailsAsync("INVALID_REQUEST", () => AlterAsync("carts", new EventualPolicyChange { R = 0 }));
        await FailsAsync("INVALID_REQUEST", () => AlterAsync("carts", new EventualPolicyChange { Conflict = ConflictPolicy.Set }));
        await FailsAsync("INVALID_REQUEST", () => AlterAsync("carts", new EventualPolicyChange { Durability = (EventualDurability)7 }));
    }

    // A request for more replicas than the keyspace's own quorum must not rely on other requests to do the same.
    [Fact]
    public async Task A_request_has_the_guarantee_of_its_own_counts_and_those_of_the_keyspace()
    {
        await CreateAsync("carts", new EventualPolicy { N = 3, R = 2, W = 2 });
        await MeetsAsync(0, "carts");
        Assert.False((await PutAsync(0, "carts", "k", "milk", quorum: new QuorumOptions { R = 3, W = 1 })).Header.Overlaps);
        Assert.False((await GetAsync(0, "carts", "k", new QuorumOptions { R = 1, W = 3 })).Header.Overlaps);
        Assert.True((await PutAsync(0, "carts", "k", "milk", quorum: new QuorumOptions { W = 3 })).Header.Overlaps);
        Assert.True((await GetAsync(0, "carts", "k", new QuorumOptions { R = 3 })).Header.Overlaps);
    }

    /// <summary>Waits until the copies of every key of the keyspace are verified as complete.</summary>
    private async Task MeetsAsync(int node, string keyspace)
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        for (var key = 0; key < 16;)
        {
            key = (await GetAsync(node, keyspace, $"meets{key}", new QuorumOptions { R = 3 })).Header.Overlaps ? key + 1 : 0;
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), "no replica counts towards the quorum");
        }
    }

    private Task<KeyspaceInfo> AlterAsync(string name, EventualPolicyChange change) => new V1.Keyspaces.KeyspacesClient(_cluster.Channel(0)).AlterAsync(
        new AlterKeyspaceRequest { Name = name + _suffix, Eventual = change }).ResponseAsync;

    private static ByteString Bytes(string text) => ByteString.CopyFromUtf8(text);

    private RequestHeader Header(string keyspace) => new() { Keyspace = keyspace == "default" ? keyspace : keyspace + _suffix };

    private static string[] Texts(EventualGetResponse response) => [.. response.Values.Select(static value => value.Value.ToStringUtf8()).Order()];

    private EventualKv.EventualKvClient Eventual(int node) => new(_cluster.Channel(node));

    private Task<KeyspaceInfo> CreateAsync(string name, ConflictPolicy conflict = ConflictPolicy.Unspecified) =>
        CreateAsync(name, new EventualPolicy { Conflict = conflict });

    private Task<KeyspaceInfo> CreateAsync(string name, EventualPolicy policy) => new V1.Keyspaces.KeyspacesClient(_cluster.Channel(0)).CreateAsync(
        new CreateKeyspaceRequest { Keyspace = new KeyspaceInfo { Name = name + _suffix, Mode = KeyspaceMode.Eventual, Eventual = policy } }).ResponseAsync;

    private Task<EventualPutResponse> PutAsync(int node, string keyspace, string key, string value, ByteString? context = null, QuorumOptions? quorum = null) =>
        Eventual(node).PutAsync(new EventualPutRequest
        {
            Header = Header(keyspace),
            Key = Bytes(key),
            Value = Bytes(value),
            Context = context ?? ByteString.Empty,
            Quorum = quorum,
        }).ResponseAsync;

    private Task<EventualGetResponse> GetAsync(int node, string keyspace, string key, QuorumOptions? quorum = null) =>
        Eventual(node).GetAsync(new EventualGetRequest { Header = Header(keyspace), Key = Bytes(key), Quorum = quorum }).ResponseAsync;

    private Task<EventualUpdateResponse> UpdateAsync(int node, string keyspace, TypedChange change) =>
        Eventual(node).UpdateAsync(new EventualUpdateRequest { Header = Header(keyspace), Key = Bytes("k"), Value = change }).ResponseAsync;

    private static async Task<ErrorInfo> FailsAsync(string reason, Func<Task> act)
    {
        var error = await Assert.ThrowsAsync<RpcException>(act);
        var info = error.GetRpcStatus()?.GetDetail<ErrorInfo>();
        Assert.Equal(reason, info?.Reason);
        return info!;
    }
}
