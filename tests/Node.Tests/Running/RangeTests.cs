using System.Globalization;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Running;

/// <summary>Many keys in one call through any of three nodes: in order, in reverse, in one answer, and as a stream.</summary>
public sealed class RangeTests(ThreeRunningNodes nodes) : IClassFixture<ThreeRunningNodes>
{
    private readonly RunningCluster _cluster = nodes.Cluster;

    [Theory]
    [InlineData("ordered1", false, 0)]
    [InlineData("ordered2", true, 0)]
    [InlineData("ordered3", false, 7)]
    [InlineData("ordered4", true, 7)]
    public async Task An_ordered_scan_is_in_the_order_of_keys_whatever_their_shards(string keyspace, bool reverse, int limit)
    {
        var keys = await FillAsync(keyspace, 90);
        var expected = reverse ? keys.Reverse() : keys;

        var request = new ScanRequest { Header = new() { Keyspace = keyspace }, Ordered = true, Reverse = reverse, Limit = limit, ChunkBytesMax = 200 };

        Assert.Equal(expected, await ReadAllAsync(request));
    }

    [Theory]
    [InlineData("reverse1", 0)]
    [InlineData("reverse2", 5)]
    public async Task A_reverse_scan_walks_each_shard_backwards_and_finds_every_key_once(string keyspace, int limit)
    {
        var keys = await FillAsync(keyspace, 60);

        var found = await ReadAllAsync(new ScanRequest { Header = new() { Keyspace = keyspace }, Reverse = true, Limit = limit });
        var shard = await ReadAllAsync(new ScanRequest { Header = new() { Keyspace = keyspace }, Reverse = true, Shard = 1 });

        Assert.Equal(keys, found.Order(StringComparer.Ordinal));
        Assert.Equal(shard.OrderDescending(StringComparer.Ordinal), shard);
    }

    [Fact]
    public async Task A_scan_ends_at_its_bytes_and_goes_on_from_there()
    {
        var keys = await FillAsync("bytes", 40);

        var first = await ReadAsync(0, new ScanRequest { Header = new() { Keyspace = "bytes" }, Ordered = true, BytesMax = 60 });
        var rest = await ReadAllAsync(new ScanRequest { Header = new() { Keyspace = "bytes" }, Ordered = true, ResumeToken = first.Token });

        Assert.InRange(first.Keys.Count, 1, 12);
        Assert.Equal(keys, first.Keys.Concat(rest));
    }

    [Fact]
    public async Task A_token_of_another_walk_is_refused()
    {
        await FillAsync("tokens", 30);
        var ordered = await ReadAsync(0, new ScanRequest { Header = new() { Keyspace = "tokens" }, Ordered = true, Limit = 3 });
        var shard = await ReadAsync(0, new ScanRequest { Header = new() { Keyspace = "tokens" }, Shard = 0, Limit = 1 });

        foreach (var wrong in new[]
        {
            new ScanRequest { Header = new() { Keyspace = "tokens" }, ResumeToken = ordered.Token },
            new ScanRequest { Header = new() { Keyspace = "tokens" }, Ordered = true, Reverse = true, ResumeToken = ordered.Token },
            new ScanRequest { Header = new() { Keyspace = "tokens" }, Shard = 1, ResumeToken = shard.Token },
            new ScanRequest { ResumeToken = shard.Token },
        })
        {
            Assert.Equal("CURSOR_INVALID", await ReasonAsync(() => ReadAsync(1, wrong)));
        }
    }

    /// <summary>
    /// A deletion of everything under <c>z/</c> with the token of a walk over <c>a/</c> started at the token's position, and so deleted all keys
    /// between the two ranges, which no request had named.
    /// </summary>
    [Fact]
    public async Task A_token_deletes_and_reads_nothing_outside_the_range_it_was_given_for()
    {
        await CreateAsync("ranges", RoutingRule.Tag);
        string[] keys = [.. Enumerable.Range(0, 6).SelectMany(i => new[] { $"{{t}}a/{i}", $"{{t}}m/{i}", $"{{t}}z/{i}" }).Order(StringComparer.Ordinal)];
        await SetAsync("ranges", keys);
        ScanRequest Scan(string prefix, ByteString token = null!) => new() { Header = new() { Keyspace = "ranges" }, Prefix = Bytes("{t}" + prefix), ResumeToken = token ?? ByteString.Empty };
        DeleteRangeRequest Delete(string prefix, ByteString token) => new() { Header = new() { Keyspace = "ranges", Identity = Identity() }, Prefix = Bytes("{t}" + prefix), ResumeToken = token };
        var limited = Scan("a/");
        limited.Limit = 2;
        var token = (await ReadAsync(0, limited)).Token;
        var reversed = Scan("z/");
        (reversed.Limit, reversed.Reverse) = (2, true);
        var backwards = (await ReadAsync(1, reversed)).Token;

        foreach (var stolen in new[] { token, backwards })
        {
            foreach (var prefix in new[] { "z/", "a/", "m/" })
            {
                var error = await Assert.ThrowsAsync<RpcException>(async () => await _cluster.Kv(1).DeleteRangeAsync(Delete(prefix, stolen)));
                var info = error.GetRpcStatus()!.GetDetail<ErrorInfo>()!;
                Assert.Equal(("CURSOR_INVALID", "NOT_EXECUTED"), (info.Reason, info.Metadata["execution"]));
            }
        }

        Assert.Equal("CURSOR_INVALID", await ReasonAsync(() => ReadAsync(2, Scan("z/", token))));
        var back = Scan("a/", backwards);
        back.Reverse = true;
        Assert.Equal("CURSOR_INVALID", await ReasonAsync(() => ReadAsync(2, back)));
        Assert.Equal(keys, await ReadAllAsync(Scan("")));
        Assert.Equal(keys.Where(key => key.Contains("}a/", StringComparison.Ordinal)).Skip(2), await ReadAllAsync(Scan("a/", token)));
    }

    [Fact]
    public async Task A_token_of_a_prefix_is_valid_for_the_same_range_by_bounds()
    {
        var keys = await FillAsync("said", 20);
        var first = await ReadAsync(0, new ScanRequest { Header = new() { Keyspace = "said" }, Prefix = Bytes("key"), Ordered = true, Limit = 5 });

        var rest = await ReadAllAsync(new ScanRequest { Header = new() { Keyspace = "said" }, Start = Bytes("key"), End = Bytes("kez"), Ordered = true, ResumeToken = first.Token, KeysOnly = true });

        Assert.Equal(keys, first.Keys.Concat(rest));
    }

    [Fact]
    public async Task A_range_that_ends_before_it_starts_is_refused()
    {
        var (start, end) = (Bytes("b"), Bytes("a"));

        Assert.Equal("INVALID_REQUEST", await ReasonAsync(() => ReadAsync(0, new ScanRequest { Start = start, End = end })));
        Assert.Equal("INVALID_REQUEST", await ReasonAsync(async () => await _cluster.Kv(0).DeleteRangeAsync(new DeleteRangeRequest { Start = start, End = end })));
        Assert.Equal("INVALID_REQUEST", await ReasonAsync(async () => await _cluster.Kv(0).DeleteRangeAsync(new DeleteRangeRequest())));
    }

    [Fact]
    public async Task A_range_is_deleted_step_by_step_from_any_node_and_a_repeated_step_is_answered_again()
    {
        await FillAsync("deleted", 50);
        var (token, deleted, steps) = (ByteString.Empty, 0L, 0);
        do
        {
            var request = new DeleteRangeRequest { Header = new() { Keyspace = "deleted", Identity = Identity() }, Prefix = Bytes("key"), ResumeToken = token };
            var answer = await _cluster.Kv(steps % 3).DeleteRangeAsync(request);
            var again = await _cluster.Kv((steps + 1) % 3).DeleteRangeAsync(request);
            Assert.True(again.Header.Deduplicated);
            Assert.Equal((answer.Deleted, answer.ResumeToken), (again.Deleted, again.ResumeToken));
            (token, deleted, steps) = (answer.ResumeToken, deleted + answer.Deleted, steps + 1);
            Assert.Equal(answer.Done, token.IsEmpty);
        }
        while (!token.IsEmpty);

        Assert.Equal((50L, 2), (deleted, steps));
        Assert.Empty(await ReadAllAsync(new ScanRequest { Header = new() { Keyspace = "deleted" } }));
    }

    [Fact]
    public async Task The_keys_of_a_tag_go_at_once_or_not_at_all()
    {
        await CreateAsync("tagged", RoutingRule.Tag);
        for (var i = 0; i < 1_001; i += 91)
        {
            await SetAsync("tagged", Enumerable.Range(i, 91).Select(n => $"{{big}}/{n}"));
        }

        await SetAsync("tagged", ["{small}/1", "{small}/2", "{other}/1"]);
        DeleteRangeRequest Whole(string prefix) => new() { Header = new() { Keyspace = "tagged" }, Prefix = Bytes(prefix), Atomic = true };

        Assert.Equal("LIMIT_EXCEEDED", await ReasonAsync(async () => await _cluster.Kv(1).DeleteRangeAsync(Whole("{big}/"))));
        Assert.Equal("CROSS_SHARD_ATOMIC", await ReasonAsync(async () => await _cluster.Kv(1).DeleteRangeAsync(Whole("{sma"))));
        var gone = await _cluster.Kv(2).DeleteRangeAsync(Whole("{small}/"));

        Assert.Equal((2L, true), (gone.Deleted, gone.Done));
        Assert.Equal(1_001 + 1, (await ReadAllAsync(new ScanRequest { Header = new() { Keyspace = "tagged" } })).Count);
    }

    [Fact]
    public async Task Items_of_one_shard_are_set_all_or_none()
    {
        await CreateAsync("atomic", RoutingRule.Tag);
        MultiSetRequest Set(bool absent) => new()
        {
            Header = new() { Keyspace = "atomic" },
            Atomicity = MultiSetRequest.Types.Atomicity.Shard,
            Items =
            {
                new MultiSetRequest.Types.Item { Key = Bytes("{a}/1"), Value = Bytes("one"), Condition = absent ? new() { Absent = true } : new() { Present = true } },
                new MultiSetRequest.Types.Item { Key = Bytes("{a}/2"), Value = Bytes("two") },
            },
        };

        var refused = await _cluster.Kv(0).MultiSetAsync(Set(absent: false));
        var applied = await _cluster.Kv(1).MultiSetAsync(Set(absent: true));
        var again = await _cluster.Kv(2).MultiSetAsync(Set(absent: true));

        Assert.All(refused.Items, item => Assert.False(item.Applied));
        Assert.Equal([applied.Items[0].Version, applied.Items[0].Version], applied.Items.Select(item => item.Version));
        Assert.True(applied.Items[0] is { Applied: true, Version: > 0 });
        Assert.Equal(("one", false), (again.Items[0].Current.Value.ToStringUtf8(), again.Items[1].Applied));
    }

    [Fact]
    public async Task Items_of_several_shards_are_refused_and_listed_by_shard()
    {
        var request = new MultiSetRequest { Atomicity = MultiSetRequest.Types.Atomicity.Shard };
        request.Items.Add(Enumerable.Range(0, 20).Select(i => new MultiSetRequest.Types.Item { Key = Bytes($"scattered{i}"), Value = Bytes("x") }));

        var error = await Assert.ThrowsAsync<RpcException>(async () => await _cluster.Kv(0).MultiSetAsync(request));

        var info = error.GetRpcStatus()!.GetDetail<ErrorInfo>()!;
        Assert.Equal("CROSS_SHARD_ATOMIC", info.Reason);
        var places = info.Metadata.Where(fact => fact.Key.StartsWith("shard.", StringComparison.Ordinal)).SelectMany(fact => fact.Value.Split(','));
        Assert.Equal(Enumerable.Range(0, 20), places.Select(place => int.Parse(place, CultureInfo.InvariantCulture)).Order());
    }

    [Fact]
    public async Task A_streamed_multi_get_answers_every_key_once()
    {
        var keys = await FillAsync("streamed", 30);
        using var call = _cluster.Kv(2).MultiGetStream(new MultiGetRequest { Header = new() { Keyspace = "streamed" }, Keys = { keys.Select(Bytes), Bytes("none") } });

        var entries = await call.ResponseStream.ReadAllAsync().SelectMany(chunk => chunk.Entries.ToAsyncEnumerable()).ToListAsync();

        Assert.Equal(Enumerable.Range(0, 31), entries.Select(entry => entry.Index).Order());
        Assert.All(entries, entry => Assert.Equal(entry.Index < 30, entry.Item.Found));
    }

    [Fact]
    public async Task An_answer_that_exceeds_a_message_has_an_error_for_each_key_that_does_not_fit()
    {
        foreach (var i in Enumerable.Range(0, 6))
        {
            await _cluster.Kv(0).PutAsync(new PutRequest { Key = Bytes($"large{i}"), Value = ByteString.CopyFrom(new byte[1 << 20]) });
        }

        var request = new MultiGetRequest { Keys = { Enumerable.Range(0, 6).Select(i => Bytes($"large{i}")) } };
        var answer = await _cluster.Kv(0).MultiGetAsync(request);
        using var call = _cluster.Kv(0).MultiGetStream(request);
        var streamed = await call.ResponseStream.ReadAllAsync().SelectMany(chunk => chunk.Entries.ToAsyncEnumerable()).ToListAsync();

        Assert.Equal(3, answer.Items.Count(item => item.Found));
        Assert.All(answer.Items.Where(item => !item.Found), item => Assert.Equal("LIMIT_EXCEEDED", item.Error.Reason));
        Assert.All(streamed, entry => Assert.Equal(1 << 20, entry.Item.Current.Value.Length));
    }

    private static ByteString Bytes(string text) => ByteString.CopyFromUtf8(text);

    private static RequestIdentity Identity() => new()
    {
        ClientId = ByteString.CopyFrom(Guid.CreateVersion7().ToByteArray(bigEndian: true)),
        Sequence = 1,
        FirstUnacked = 1,
    };

    private async Task CreateAsync(string keyspace, RoutingRule routing = RoutingRule.WholeKey) =>
        await new Keyspaces.KeyspacesClient(_cluster.Channel(0)).CreateAsync(new CreateKeyspaceRequest { Keyspace = new() { Name = keyspace, Routing = routing } });

    private async Task SetAsync(string keyspace, IEnumerable<string> keys)
    {
        var set = new MultiSetRequest { Header = new() { Keyspace = keyspace } };
        set.Items.Add(keys.Select(key => new MultiSetRequest.Types.Item { Key = Bytes(key), Value = Bytes("v") }));
        var answer = await _cluster.Kv(0).MultiSetAsync(set);
        Assert.All(answer.Items, item => Assert.True(item.Applied));
        Assert.Empty(answer.Unprocessed);
    }

    /// <summary>Keys in their order.</summary>
    private async Task<IReadOnlyList<string>> FillAsync(string keyspace, int count)
    {
        await CreateAsync(keyspace);
        var keys = Enumerable.Range(0, count).Select(i => string.Create(CultureInfo.InvariantCulture, $"key{i:d3}")).ToArray();
        await SetAsync(keyspace, keys);
        return keys;
    }

    /// <summary>The whole walk, with pages from one node after the other.</summary>
    private async Task<IReadOnlyList<string>> ReadAllAsync(ScanRequest request)
    {
        var (found, calls) = (new List<string>(), 0);
        do
        {
            var (keys, token) = await ReadAsync(calls++ % 3, request);
            found.AddRange(keys);
            request.ResumeToken = token;
        }
        while (!request.ResumeToken.IsEmpty);
        return found;
    }

    private async Task<(IReadOnlyList<string> Keys, ByteString Token)> ReadAsync(int node, ScanRequest request)
    {
        var (keys, token) = (new List<string>(), ByteString.Empty);
        using var call = _cluster.Kv(node).Scan(request);
        await foreach (var chunk in call.ResponseStream.ReadAllAsync())
        {
            keys.AddRange(chunk.Items.Select(item => item.Key.ToStringUtf8()));
            token = chunk.ResumeToken;
            Assert.Equal(chunk.Done, token.IsEmpty);
        }

        return (keys, token);
    }

    private static async Task<string> ReasonAsync(Func<Task> act) =>
        (await Assert.ThrowsAsync<RpcException>(act)).GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason;
}
