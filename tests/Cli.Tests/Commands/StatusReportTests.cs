using KvRaft.Cli.Commands;
using KvRaft.V1;

namespace KvRaft.Cli.Tests.Commands;

/// <summary>Fault tolerance counts the replicas that serve, not the nodes that answer.</summary>
public sealed class StatusReportTests
{
    [Theory]
    [InlineData("serving", 1, 0)]
    [InlineData("rebuilding: its state was damaged", 0, 1)]
    [InlineData("failed: a flush failed: No space left on device", 0, 1)]
    [InlineData("catching-up", 0, 1)]
    public void A_replica_that_does_not_serve_counts_as_absent_and_is_named(string state, int tolerance, int attention)
    {
        var cluster = Cluster(state);

        var report = StatusReport.Of(cluster);

        Assert.Equal(tolerance, report.FaultTolerance);
        Assert.Equal(attention, report.Attention.Count);
        Assert.All(report.Attention, line => Assert.Equal($"node n3 shard 0: {state}", line));
        Assert.Equal(attention, cluster.Nodes[2].NotServing);
        Assert.Equal(attention, cluster.NotServing(cluster.Map.Shards[0]).Count);
    }

    [Fact]
    public void A_replica_that_is_not_open_counts_as_absent()
    {
        var cluster = Cluster("serving");
        cluster.Nodes[1].Status!.Groups.Clear();

        Assert.Equal(0, StatusReport.Of(cluster).FaultTolerance);
        Assert.Equal(["n2: not open"], cluster.NotServing(cluster.Map.Shards[0]));
    }

    [Fact]
    public void A_wrong_wall_clock_and_a_disagreement_of_clocks_are_reported_with_the_difference()
    {
        var cluster = Cluster("serving");
        cluster.Nodes[0].Status!.Clock = new ClockStatus { OffsetMs = 45_000, AheadMs = 45_000, Agreed = true, Skewed = true, Settled = true };
        cluster.Nodes[1].Status!.Clock = new ClockStatus { OffsetMs = 12, AheadMs = 12, Agreed = true, Settled = true };
        cluster.Nodes[2].Status!.Clock = new ClockStatus { OffsetMs = 0, AheadMs = -10_000, Agreed = false, Settled = true };

        var attention = StatusReport.Of(cluster).Attention;

        Assert.Collection(
            attention,
            line => Assert.StartsWith("node n1: its wall clock is +45.0 s from the median of the nodes", line, StringComparison.Ordinal),
            line => Assert.StartsWith("node n3 finds no majority of nodes whose clocks agree", line, StringComparison.Ordinal),
            line => Assert.StartsWith("node n3: the time of the cluster is +10.0 s from its wall clock", line, StringComparison.Ordinal));
    }

    private static ClusterView Cluster(string stateOfThird)
    {
        var map = new RouteMap { ShardCount = 1 };
        var shard = new ShardRoute { Shard = 0, LeaderNode = "n1" };
        var nodes = new List<NodeView>();
        foreach (var name in (string[])["n1", "n2", "n3"])
        {
            var route = new NodeRoute { NodeId = name };
            map.Nodes.Add(route);
            shard.Replicas.Add(new ReplicaRoute { NodeId = name, Incarnation = 1 });
            var status = new StatusResponse { NodeId = name };
            status.Groups.Add(new GroupStatus { Group = 1, Shard = 0, State = name == "n3" ? stateOfThird : "serving" });
            nodes.Add(new NodeView(route, status, Error: null));
        }

        map.Shards.Add(shard);
        return new ClusterView(map, nodes);
    }
}
