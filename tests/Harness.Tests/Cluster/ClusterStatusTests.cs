using KvRaft.Chaos.Cluster;
using KvRaft.V1;

namespace KvRaft.Harness.Tests.Cluster;

/// <summary>The conclusions of the harness from the statuses of all nodes.</summary>
public class ClusterStatusTests
{
    [Fact]
    public void A_replica_that_is_being_reopened_counts_as_missing()
    {
        var plan = new ClusterPlan { Folder = "", Build = new NodeBuild("", null), Nodes = 3, Replicas = 3, Shards = 1, Host = new ProcessHost(inNamespaces: false) };
        var statuses = plan.Numbers.ToDictionary(static node => node, static node => new StatusResponse
        {
            Groups = { Group(0, node == 0 ? ReplicaRole.Leader : ReplicaRole.Follower, "serving"), Group(1, node == 0 ? ReplicaRole.Leader : ReplicaRole.Follower, "serving") },
        });
        Assert.Null(ChaosCluster.WhatIsMissing(plan, statuses));

        statuses[2].Groups.RemoveAt(1);
        Assert.Equal("group 1 has 2 of 3 replicas", ChaosCluster.WhatIsMissing(plan, statuses));
    }

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
