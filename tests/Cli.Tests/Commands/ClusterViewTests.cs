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

    private static NodeView Node(string name, params GroupStatus[] groups)
    {
        var status = new StatusResponse { NodeId = name };
        status.Groups.Add(groups);
        return new NodeView(new NodeRoute { NodeId = name }, status, Error: null);
    }
}
