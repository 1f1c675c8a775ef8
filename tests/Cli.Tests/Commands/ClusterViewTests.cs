using KvRaft.Cli.Commands;
using KvRaft.V1;

namespace KvRaft.Cli.Tests.Commands;

public sealed class ClusterViewTests
{
    /// <summary>
    /// A follower without a leader, or one that fetches a checkpoint, has applied all entries that it has seen committed: its lag was printed as 0.
    /// </summary>
    [Fact]
    public void The_lag_of_a_replica_is_counted_from_the_highest_reported_commit_index()
    {
        var leader = Node("n1", new GroupStatus { Group = 1, CommitIndex = 900, AppliedIndex = 899 }, new GroupStatus { Group = 2, CommitIndex = 50, AppliedIndex = 50 });
        var behind = Node("n2", new GroupStatus { Group = 1, CommitIndex = 290, AppliedIndex = 290 }, new GroupStatus { Group = 2, CommitIndex = 50, AppliedIndex = 48 });
        var gone = new NodeView(new NodeRoute { NodeId = "n3" }, Status: null, Error: "away");
        var cluster = new ClusterView(new RouteMap(), [leader, behind, gone]);
        Assert.Equal((1, 612, null), (cluster.LagOf(leader), cluster.LagOf(behind), cluster.LagOf(gone)));
    }

    /// <summary>A node that hosts no replica of a shard may lack its new leader: every second shard was reported as unavailable, and all were served.</summary>
    [Fact]
    public void The_leader_of_a_shard_is_the_replica_that_reports_it_with_the_highest_term()
    {
        var deposed = Node("n1", new GroupStatus { Shard = 4, Role = ReplicaRole.Leader, Term = 7 });
        var leader = Node("n2", new GroupStatus { Shard = 4, Role = ReplicaRole.Leader, Term = 8 }, new GroupStatus { Shard = 5, Role = ReplicaRole.Follower, Term = 3 });
        var cluster = new ClusterView(new RouteMap(), [deposed, leader]);
        Assert.Equal(("n2", 8), cluster.LeaderOf(new ShardRoute { Shard = 4 }));
        Assert.Equal(("n3", 3), cluster.LeaderOf(new ShardRoute { Shard = 5, LeaderNode = "n3", LeaderTerm = 3 }));
        Assert.Null(cluster.LeaderOf(new ShardRoute { Shard = 6 }));
    }

    private static NodeView Node(string name, params GroupStatus[] groups)
    {
        var status = new StatusResponse { NodeId = name };
        status.Groups.Add(groups);
        return new NodeView(new NodeRoute { NodeId = name }, status, Error: null);
    }
}
