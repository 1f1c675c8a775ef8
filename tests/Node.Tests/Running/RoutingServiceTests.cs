using Google.Protobuf;
using Grpc.Core;
using Grpc.Health.V1;
using KvRaft.V1;
using RoutingClient = KvRaft.V1.Routing.RoutingClient;

namespace KvRaft.Node.Tests.Running;

public sealed class RoutingServiceTests(SingleNode node) : IClassFixture<SingleNode>
{
    private readonly RoutingClient _routing = new(node.Cluster.Channel(0));
    private readonly Admin.AdminClient _admin = new(node.Cluster.Channel(0));

    [Fact]
    public async Task Hello_returns_the_node_and_its_limits()
    {
        var hello = await _routing.HelloAsync(new HelloRequest());

        Assert.Equal(("n1", 1), (hello.NodeId, hello.ProtocolVersion));
        Assert.Equal(1 << 20, hello.Limits.ValueBytesMax);
        Assert.True(hello.RingEpoch >= 1);
    }

    [Fact]
    public async Task The_map_has_every_shard_with_its_replicas_and_leader()
    {
        var map = await _routing.GetRoutesAsync(new GetRoutesRequest());

        Assert.Equal(4, map.ShardCount);
        Assert.Equal([0, 1, 2, 3], map.Shards.Select(shard => shard.Shard));
        Assert.All(map.Shards, shard => Assert.Equal("n1", shard.LeaderNode));
        Assert.Equal("n1", map.PlacementLeader);
        Assert.Equal("default", Assert.Single(map.Keyspaces, keyspace => keyspace.Id == 1).Name);
        Assert.Equal(node.Cluster.Options(0).Self.Public.ToString(), Assert.Single(map.Nodes).Endpoint);
    }

    [Fact]
    public async Task A_watcher_gets_the_map_and_then_what_changes()
    {
        using var patience = new CancellationTokenSource(RunningCluster.Patience);
        using var watch = _routing.WatchRoutes(new WatchRoutesRequest(), cancellationToken: patience.Token);
        Assert.True(await watch.ResponseStream.MoveNext(patience.Token));
        var first = watch.ResponseStream.Current;
        Assert.NotNull(first.Map);

        await new Keyspaces.KeyspacesClient(node.Cluster.Channel(0)).CreateAsync(
            new CreateKeyspaceRequest { Keyspace = new() { Name = "watched" } });
        RouteUpdate update;
        do
        {
            Assert.True(await watch.ResponseStream.MoveNext(patience.Token));
            update = watch.ResponseStream.Current;
        }
        while (update.Map is null);

        Assert.True(update.Epoch > first.Epoch);
        Assert.Contains("watched", update.Map.Keyspaces.Select(keyspace => keyspace.Name));
    }

    [Fact]
    public async Task A_watcher_that_is_up_to_date_gets_no_map()
    {
        using var patience = new CancellationTokenSource(RunningCluster.Patience);
        using var watch = _routing.WatchRoutes(new WatchRoutesRequest { SinceEpoch = long.MaxValue }, cancellationToken: patience.Token);

        Assert.True(await watch.ResponseStream.MoveNext(patience.Token));

        Assert.Null(watch.ResponseStream.Current.Map);
        Assert.Equal(4, watch.ResponseStream.Current.Leaders.Count);
    }

    [Fact]
    public async Task Locate_returns_the_shard_that_serves_the_key()
    {
        var key = ByteString.CopyFromUtf8("located");

        var where = await _routing.LocateAsync(new LocateRequest { Keys = { key } });
        var answer = await node.Cluster.Kv(0).GetAsync(new GetRequest { Key = key });

        Assert.Equal(answer.Header.Shard, Assert.Single(where.Locations).Shard.Shard);
    }

    [Fact]
    public async Task Status_lists_every_group_and_digest_and_flush_name_what_they_cover()
    {
        await node.Cluster.Kv(0).PutAsync(new PutRequest { Key = ByteString.CopyFromUtf8("digested") });

        var status = await _admin.StatusAsync(new StatusRequest());
        var digest = await _admin.DigestAsync(new DigestRequest { Shard = 0 });
        var flush = await _admin.FlushAsync(new FlushRequest { Shard = 0 });
        var again = await _admin.DigestAsync(new DigestRequest { Shard = 0 });

        Assert.Equal([0, 1, 2, 3, 4], status.Groups.Select(group => group.Group));
        Assert.Equal([-1, 0, 1, 2, 3], status.Groups.Select(group => group.Shard));
        Assert.All(status.Groups, group => Assert.Equal((ReplicaRole.Leader, "serving"), (group.Role, group.State)));
        Assert.True(status.DiskTotalBytes > status.DiskFreeBytes);
        Assert.InRange(status.Log.Syncs, 1, status.Log.Records);
        Assert.InRange(status.Log.Bytes, 1, status.Log.SegmentBytes);
        Assert.Equal(8, digest.Digest.Length);
        Assert.True(flush.FlushedIndex >= digest.AppliedIndex);
        Assert.True(again.AppliedIndex > digest.AppliedIndex || again.Digest.Equals(digest.Digest));
    }

    [Fact]
    public async Task A_shard_or_group_that_is_not_here_is_refused()
    {
        foreach (var act in new Func<Task>[]
                 {
                     async () => await _admin.DigestAsync(new DigestRequest { Shard = 99 }),
                     async () => await _admin.FlushAsync(new FlushRequest { Shard = -1 }),
                     async () => await _admin.ResignAsync(new ResignRequest { Group = 99 }),
                 })
        {
            Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(act)).StatusCode);
        }
    }

    [Theory]
    [InlineData("kvraft")]
    [InlineData("kvraft.ready")]
    public async Task Health_is_serving(string service)
    {
        var answer = await new Health.HealthClient(node.Cluster.Channel(0)).CheckAsync(new HealthCheckRequest { Service = service });

        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, answer.Status);
    }
}
