using System.Diagnostics;
using System.Globalization;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Running;

/// <summary>Three nodes for tests of the replicas that may answer each read.</summary>
public sealed class ThreeRunningNodes : IAsyncLifetime
{
    private RunningCluster? _cluster;

    public RunningCluster Cluster => _cluster!;

    public async ValueTask InitializeAsync() => _cluster = await RunningCluster.StartAsync(nodes: 3, shards: 2);

    public async ValueTask DisposeAsync()
    {
        if (_cluster is not null)
        {
            await _cluster.DisposeAsync();
        }
    }
}

/// <summary>The called node answers reads with less than linearizable consistency, and the answer reports which consistency it has.</summary>
public sealed class NamedReadTests(ThreeRunningNodes nodes) : IClassFixture<ThreeRunningNodes>
{
    private static readonly ByteString Key = ByteString.CopyFromUtf8("named");

    private readonly RunningCluster _cluster = nodes.Cluster;

    [Fact]
    public async Task Bounded_staleness_is_served_by_followers_with_the_age_they_can_prove()
    {
        var put = await _cluster.Kv(0).PutAsync(new PutRequest { Key = Key, Value = Key });
        var written = Stopwatch.GetTimestamp();
        foreach (var follower in Followers(put.Header.ServedBy))
        {
            var first = await ReadAsync(follower, new ReadOptions { Bounded = new() { MaxStalenessMs = 60_000 } });
            var writtenBefore = (long)Stopwatch.GetElapsedTime(written).TotalMilliseconds;
            var second = await ReadAsync(follower, new ReadOptions { Bounded = new() { MaxStalenessMs = 60_000 } });

            // Every value that it lacks is younger than the age it reports.
            Assert.True(second.Current?.Version >= put.Version || second.Header.StalenessMs >= writtenBefore);
            foreach (var header in new[] { first.Header, second.Header })
            {
                Assert.Equal(ServedRole.Follower, header.RoleServed);
                Assert.Equal(Name(follower), header.ServedBy);
                Assert.Equal(Consistency.BoundedStaleness, header.ConsistencyDelivered);
                Assert.Equal(Durability.QuorumFsync, header.DurabilityReached);
                Assert.InRange(header.StalenessMs, 0, 60_000);
            }
        }
    }

    [Fact]
    public async Task A_bound_tighter_than_a_replica_can_prove_is_kept_all_the_same()
    {
        for (var i = 0; i < 50; i++)
        {
            var put = await _cluster.Kv(0).PutAsync(new PutRequest { Key = Key, Value = Key });
            var written = Stopwatch.GetTimestamp();
            var read = await ReadAsync(i % 3, new ReadOptions { Bounded = new() { MaxStalenessMs = 1 } });

            // Whichever replica answers: a state at most 1 ms old at some moment after the write was answered, unless that moment is less than
            // 1 ms after it.
            var sinceWrite = Stopwatch.GetElapsedTime(written).TotalMilliseconds;
            Assert.True(read.Header.StalenessMs is 0 or 1);
            Assert.True(read.Current.Version >= put.Version || sinceWrite < 2);
        }
    }

    [Fact]
    public async Task A_version_read_back_from_any_node_is_there()
    {
        for (var i = 0; i < 30; i++)
        {
            var put = await _cluster.Kv(0).PutAsync(new PutRequest { Key = Key, Value = ByteString.CopyFromUtf8(i.ToString(CultureInfo.InvariantCulture)) });
            foreach (var node in Enumerable.Range(0, 3))
            {
                var read = await ReadAsync(node, new ReadOptions { AtLeast = new() { Version = put.Version } });
                Assert.True(read.Current.Version >= put.Version);
                Assert.True(read.Header.ConsistencyDelivered is Consistency.AtLeast or Consistency.Linearizable);
            }
        }
    }

    [Fact]
    public async Task A_lease_read_is_linearizable_and_returns_that_level()
    {
        var put = await _cluster.Kv(0).PutAsync(new PutRequest { Key = Key, Value = Key });

        var read = await ReadAsync(1, new ReadOptions { LeaderLease = new() });

        Assert.Equal((Consistency.Linearizable, ServedRole.Leader, 0L), (read.Header.ConsistencyDelivered, read.Header.RoleServed, read.Header.StalenessMs));
        Assert.True(read.Current.Version >= put.Version);
    }

    [Fact]
    public async Task A_read_of_level_any_is_answered_by_the_node_that_receives_it()
    {
        foreach (var node in Enumerable.Range(0, 3))
        {
            var read = await ReadAsync(node, new ReadOptions { Any = new() });
            Assert.Equal((Name(node), Consistency.Any), (read.Header.ServedBy, read.Header.ConsistencyDelivered));
        }
    }

    [Fact]
    public async Task A_keyspace_is_usable_through_every_node_as_soon_as_its_creation_was_answered()
    {
        for (var i = 0; i < 12; i++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"fresh{i}");
            await new Keyspaces.KeyspacesClient(_cluster.Channel(i % 3)).CreateAsync(new CreateKeyspaceRequest { Keyspace = new() { Name = name } });
            await Task.WhenAll(Enumerable.Range(0, 3).Select(node =>
                _cluster.Kv(node).PutAsync(new PutRequest { Header = new() { Keyspace = name }, Key = Key, Value = Key }).ResponseAsync));
            Assert.Equal(name, (await new Keyspaces.KeyspacesClient(_cluster.Channel((i + 1) % 3)).GetAsync(new GetKeyspaceRequest { Name = name })).Name);
        }
    }

    /// <summary>
    /// A number without a shard was compared with whichever shard was read: of several, a scan failed where a shard had counted less, and proved nothing where
    /// one had counted more.
    /// </summary>
    [Fact]
    public async Task A_version_of_one_shard_promises_nothing_about_others()
    {
        var (first, second) = await KeysOfBothShardsAsync();
        var one = new ReadOptions { AtLeast = new() { Version = 1 } };

        Assert.Equal("options.at_least.version", await RefusedAsync(() => ScanAsync(0, new ScanRequest { Options = one })));
        Assert.Equal("options.at_least.version", await RefusedAsync(() => ScanAsync(0, new ScanRequest { Options = one, Ordered = true })));
        Assert.Equal("options.at_least.version", await RefusedAsync(async () => await _cluster.Kv(1).MultiGetAsync(new MultiGetRequest { Keys = { first, second }, Options = one })));
        Assert.Equal("options.at_least.version", await RefusedAsync(async () =>
        {
            using var call = _cluster.Kv(2).MultiGetStream(new MultiGetRequest { Keys = { first, second }, Options = one });
            await call.ResponseStream.MoveNext(CancellationToken.None);
        }));

        await ScanAsync(1, new ScanRequest { Options = one, Shard = 1 });
        Assert.All((await _cluster.Kv(2).MultiGetAsync(new MultiGetRequest { Keys = { first }, Options = one })).Items, item => Assert.True(item.Found));
    }

    [Fact]
    public async Task A_session_is_kept_of_each_shard_by_itself()
    {
        var (first, second) = await KeysOfBothShardsAsync();
        for (var i = 0; i < 12; i++)
        {
            // One shard counts far more than the other.
            var written = ByteString.CopyFromUtf8(i.ToString(CultureInfo.InvariantCulture));
            await _cluster.Kv(0).PutAsync(new PutRequest { Key = first, Value = written });
            var puts = new[]
            {
                await _cluster.Kv(1).PutAsync(new PutRequest { Key = first, Value = written }),
                i % 4 == 0 ? await _cluster.Kv(2).PutAsync(new PutRequest { Key = second, Value = written }) : null,
            }.OfType<PutResponse>().ToArray();
            Assert.All(puts, put => Assert.True(put.Header.ShardVersion >= put.Version));
            var options = new ReadOptions { AtLeast = new() { Session = SessionOf([.. puts.Select(put => (put.Header.Shard, put.Version))]) } };
            foreach (var node in Enumerable.Range(0, 3))
            {
                var scanned = await ScanAsync(node, new ScanRequest { Options = options, Ordered = i % 2 == 0, Prefix = ByteString.CopyFromUtf8("session/") });
                var many = await _cluster.Kv(node).MultiGetAsync(new MultiGetRequest { Keys = { first, second }, Options = options });

                Assert.Equal(written, scanned.Items.Single(item => item.Key == first).State.Value);
                Assert.Equal(written, many.Items[0].Current.Value);
                Assert.All(puts, put => Assert.Contains(many.Header.ShardVersions, seen => seen.Shard == put.Header.Shard && seen.Version >= put.Version));
                Assert.All(puts, put => Assert.Contains(scanned.Versions, seen => seen.Shard == put.Header.Shard && seen.Version >= put.Version));
                if (puts.Length > 1)
                {
                    Assert.Equal(written, many.Items[1].Current.Value);
                    Assert.Equal(written, scanned.Items.Single(item => item.Key == second).State.Value);
                }
            }
        }
    }

    [Fact]
    public async Task A_session_that_is_ahead_of_one_shard_fails_reads_of_that_shard_only()
    {
        var (first, second) = await KeysOfBothShardsAsync();
        var there = await _cluster.Kv(0).PutAsync(new PutRequest { Key = first, Value = first });
        var shard = (await _cluster.Kv(0).PutAsync(new PutRequest { Key = second, Value = second })).Header.Shard;
        var options = new ReadOptions { AtLeast = new() { Session = SessionOf((there.Header.Shard, there.Version), (shard, long.MaxValue)) } };

        var many = await _cluster.Kv(0).MultiGetAsync(new MultiGetRequest { Keys = { first, second }, Options = options });

        Assert.True(many.Items[0].Found);
        Assert.Equal(("STALE_REPLICA", Execution.NotExecuted), (many.Items[1].Error.Reason, many.Items[1].Error.Execution));
        await ScanAsync(0, new ScanRequest { Options = options, Shard = 1 - shard });
        Assert.Equal("STALE_REPLICA", await ReasonAsync(() => ScanAsync(0, new ScanRequest { Options = options })));
    }

    [Fact]
    public async Task A_session_of_another_cluster_or_format_is_refused()
    {
        var (key, _) = await KeysOfBothShardsAsync();
        var good = SessionOf((0, 1));
        Session Bad(Action<Session> change)
        {
            var bad = good.Clone();
            change(bad);
            return bad;
        }

        foreach (var (bad, field) in new[]
        {
            (Bad(session => session.Format = 0), "options.at_least.session.format"),
            (Bad(session => session.Format = 2), "options.at_least.session.format"),
            (Bad(session => session.ClusterId = Guid.NewGuid().ToString()), "options.at_least.session.cluster_id"),
            (Bad(session => session.ClusterId = "x"), "options.at_least.session.cluster_id"),
            (Bad(session => session.Shards.Add(new ShardVersion { Shard = 0, Version = 1 })), "options.at_least.session.shards[1]"),
            (Bad(session => session.Shards[0].Version = 0), "options.at_least.session.shards[0]"),
            (Bad(session => session.Shards[0].Shard = -1), "options.at_least.session.shards[0]"),
            (Bad(session => session.Shards.Add(new ShardVersion { Shard = 1 << 20, Version = 1 })), "options.at_least.session.shards[1]"),
        })
        {
            var options = new ReadOptions { AtLeast = new() { Session = bad } };
            Assert.Equal(field, await RefusedAsync(async () => await _cluster.Kv(0).GetAsync(new GetRequest { Key = key, Options = options })));
            Assert.Equal(field, await RefusedAsync(async () => await _cluster.Kv(1).MultiGetAsync(new MultiGetRequest { Keys = { key }, Options = options })));
            Assert.Equal(field, await RefusedAsync(() => ScanAsync(2, new ScanRequest { Options = options })));
        }

        var both = new ReadOptions { AtLeast = new() { Session = good, Version = 1 } };
        Assert.Equal("options.at_least.version", await RefusedAsync(async () => await _cluster.Kv(0).GetAsync(new GetRequest { Key = key, Options = both })));
    }

    private Session SessionOf(params (int Shard, long Version)[] seen)
    {
        var session = new Session { Format = 1, ClusterId = _cluster.Options(0).ClusterId.ToString() };
        session.Shards.Add(seen.OrderBy(one => one.Shard).Select(one => new ShardVersion { Shard = one.Shard, Version = one.Version }));
        return session;
    }

    /// <summary>A key of shard 0 and one of shard 1, both written.</summary>
    private async Task<(ByteString First, ByteString Second)> KeysOfBothShardsAsync()
    {
        var keys = new ByteString?[2];
        for (var i = 0; keys.Contains(null); i++)
        {
            var key = ByteString.CopyFromUtf8(string.Create(CultureInfo.InvariantCulture, $"session/{i}"));
            keys[(await _cluster.Kv(0).PutAsync(new PutRequest { Key = key, Value = key })).Header.Shard] ??= key;
        }

        return (keys[0]!, keys[1]!);
    }

    private async Task<(IReadOnlyList<ScanChunk.Types.Item> Items, IReadOnlyList<ShardVersion> Versions)> ScanAsync(int node, ScanRequest request)
    {
        var (items, versions) = (new List<ScanChunk.Types.Item>(), new List<ShardVersion>());
        using var call = _cluster.Kv(node).Scan(request);
        while (await call.ResponseStream.MoveNext(CancellationToken.None))
        {
            var chunk = call.ResponseStream.Current;
            items.AddRange(chunk.Items);
            versions.AddRange(chunk.Header.ShardVersions);
            versions.Add(new ShardVersion { Shard = chunk.Header.Shard, Version = chunk.Header.ShardVersion });
        }

        return (items, versions);
    }

    private static async Task<string> RefusedAsync(Func<Task> act)
    {
        var status = (await Assert.ThrowsAsync<RpcException>(act)).GetRpcStatus()!;
        var info = status.GetDetail<ErrorInfo>()!;
        Assert.Equal(("INVALID_REQUEST", "NOT_EXECUTED"), (info.Reason, info.Metadata["execution"]));
        return status.GetDetail<BadRequest>()!.FieldViolations[0].Field;
    }

    private static async Task<string> ReasonAsync(Func<Task> act) =>
        (await Assert.ThrowsAsync<RpcException>(act)).GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason;

    private async Task<GetResponse> ReadAsync(int node, ReadOptions options) =>
        await _cluster.Kv(node).GetAsync(new GetRequest { Key = Key, Options = options });

    private static string Name(int node) => string.Create(CultureInfo.InvariantCulture, $"n{node + 1}");

    private static IEnumerable<int> Followers(string leader) => Enumerable.Range(0, 3).Where(node => Name(node) != leader);
}
