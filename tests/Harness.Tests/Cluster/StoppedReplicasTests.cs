using KvRaft.Chaos.Cluster;
using KvRaft.V1;

namespace KvRaft.Harness.Tests.Cluster;

public class StoppedReplicasTests
{
    [Fact]
    public void Only_a_replica_that_waits_for_an_operator_ends_a_run()
    {
        var statuses = new Dictionary<int, StatusResponse>
        {
            [0] = new() { Groups = { Group(1, ReplicaRole.Leader, "serving"), Group(2, ReplicaRole.Stopped, "failed: the disk of its node is full") } },
            [1] = new() { Groups = { Group(1, ReplicaRole.Learner, "rebuilding"), Group(2, ReplicaRole.Stopped, "failed: a broken invariant", needsOperator: true) } },
        };
        Assert.Equal(["group 2 of n2 does not go on: failed: a broken invariant"], ChaosCluster.StoppedReplicas(statuses));
    }

    private static GroupStatus Group(int number, ReplicaRole role, string state, bool needsOperator = false) =>
        new() { Group = number, Role = role, State = state, NeedsOperator = needsOperator };
}
