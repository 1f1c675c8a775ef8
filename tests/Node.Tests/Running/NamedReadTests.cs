using System.Diagnostics;
using System.Globalization;
using Google.Protobuf;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Running;

/// <summary>Three nodes for tests of who may answer what.</summary>
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

/// <summary>Reads that ask for less than linearizable get it from the node that was asked, and the answer says what it is.</summary>
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

            // What it does not show is younger than the age it admits.
            Assert.True(second.Current.Version >= put.Version || second.Header.StalenessMs >= writtenBefore);
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

            // Whoever answered: a state at most 1 ms old at some moment after the write was answered, unless that moment is less than
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
    public async Task A_lease_read_is_linearizable_and_says_so()
    {
        var put = await _cluster.Kv(0).PutAsync(new PutRequest { Key = Key, Value = Key });

        var read = await ReadAsync(1, new ReadOptions { LeaderLease = new() });

        Assert.Equal((Consistency.Linearizable, ServedRole.Leader, 0L), (read.Header.ConsistencyDelivered, read.Header.RoleServed, read.Header.StalenessMs));
        Assert.True(read.Current.Version >= put.Version);
    }

    [Fact]
    public async Task Any_is_answered_by_whoever_is_asked()
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

    private async Task<GetResponse> ReadAsync(int node, ReadOptions options) =>
        await _cluster.Kv(node).GetAsync(new GetRequest { Key = Key, Options = options });

    private static string Name(int node) => string.Create(CultureInfo.InvariantCulture, $"n{node + 1}");

    private static IEnumerable<int> Followers(string leader) => Enumerable.Range(0, 3).Where(node => Name(node) != leader);
}
