using KvRaft.Client;
using KvRaft.Integration.Tests.Processes;
using KvRaft.V1;

namespace KvRaft.Integration.Tests;

/// <summary>The life of a cluster whose nodes join and leave while clients write: no client sees an error, nothing is lost.</summary>
public sealed class NodePlanTests
{
    private const int Shards = 4;

    [Fact]
    public async Task Two_nodes_join_one_is_drained_one_leaves_and_no_call_fails()
    {
        await using var cluster = await ProcessCluster.StartAsync(Shards);
        await using var client = cluster.Client("n2", "n3");
        await using var writers = new Writers(cluster.Client("n2", "n3"), count: 8);
        await writers.ReachedAsync(200);

        await cluster.JoinAsync("n4");
        await cluster.JoinAsync("n5");
        await cluster.ServesAsync("n4");
        await cluster.ServesAsync("n5");
        await cluster.HeardAsync(client, "n4");
        await cluster.HeardAsync(client, "n5");
        var plan = await cluster.CommitAsync(client, ComingAndGoing.Add("n4"), ComingAndGoing.Add("n5"));
        Assert.NotEmpty(plan.Moves);
        Assert.Equal((1, 1, 1), (plan.ToleranceBefore, plan.ToleranceDuring, plan.ToleranceAfter));

        // While it runs, another one is refused.
        var second = await ComingAndGoing.TryAsync(async () => await Assert.ThrowsAsync<KvException>(() => client.Administration.Calls.CommitPlanAsync([ComingAndGoing.Decommission("n3")])));
        Assert.Contains("are not done yet", second!.Message, StringComparison.Ordinal);

        await cluster.QuietAsync(client);
        Assert.All(await ShardsAsync(client), node => Assert.InRange(node.Value, 2, 3));
        await cluster.AgreesAsync(client);

        await client.Administration.Calls.DrainNodeAsync("n4");
        await cluster.LeadsNothingAsync("n4");
        Assert.Equal(0, await cluster.StopAsync("n4"));
        cluster.Start("n4");
        await cluster.ServesAsync("n4");
        await client.Administration.Calls.DrainNodeAsync("n4", undrain: true);

        // A founding node with a vote in group 0 leaves.
        await cluster.CommitAsync(client, ComingAndGoing.Decommission("n1"));
        var (code, log) = await cluster.WhenEndedByItselfAsync("n1");
        Assert.Equal(1, code);
        Assert.Contains("n1 was decommissioned", log, StringComparison.Ordinal);
        var nodes = await client.Administration.Calls.ListNodesAsync();
        Assert.Equal(["n1"], nodes.Removed);
        Assert.Equal(3, nodes.PlacementVoters.Count);
        Assert.DoesNotContain("n1", nodes.PlacementVoters);
        Assert.All(await ShardsAsync(client), node => Assert.Equal(3, node.Value));
        cluster.Start("n1");
        Assert.Equal(1, (await cluster.WhenEndedByItselfAsync("n1")).ExitCode);
        cluster.Forget("n1");

        await writers.ReachedAsync(writers.Acknowledged.Count + 100);
        Assert.Equal(0, writers.FailedCalls);
        await writers.StopAsync();
        Assert.Empty(await writers.LostAsync(client));
        await cluster.AgreesAsync(client);

        var history = (await client.Administration.Calls.ListOperatorsAsync(history: true)).History;
        Assert.All(history, one => Assert.Equal("moved", one.State));
        Assert.Contains(history, one => one.Cause == "decommission n1");
    }

    [Fact]
    public async Task Invalid_commands_are_refused_with_the_reason()
    {
        await using var cluster = await ProcessCluster.StartAsync(shards: 1);
        await using var client = cluster.Client();
        await AssertRefusedAsync("2 nodes would remain to hold 3 replicas", ComingAndGoing.Decommission("n1"));
        await AssertRefusedAsync("there is no node 'n9'", ComingAndGoing.Decommission("n9"));
        await AssertRefusedAsync("not from 0.01 to 100", new PlanChange { Kind = PlanChangeKind.Weight, NodeId = "n1", Weight = 0 });
        await AssertRefusedAsync("has its share already", ComingAndGoing.Add("n1"));
        var refused = await Assert.ThrowsAsync<KvException>(() => client.Administration.Calls.CancelOperatorAsync(7));
        Assert.Contains("there is no operator op-7", refused.Message, StringComparison.Ordinal);
        refused = await Assert.ThrowsAsync<KvException>(() => client.Administration.Calls.CommitPlanAsync());
        Assert.Contains("nothing is staged", refused.Message, StringComparison.Ordinal);

        async Task AssertRefusedAsync(string why, PlanChange change)
        {
            var now = await Assert.ThrowsAsync<KvException>(() => client.Administration.Calls.CommitPlanAsync([change]));
            Assert.Contains(why, now.Message, StringComparison.Ordinal);
            var staged = await Assert.ThrowsAsync<KvException>(() => client.Administration.Calls.StageAsync([change]));
            Assert.Contains(why, staged.Message, StringComparison.Ordinal);
        }
    }

    private static async Task<Dictionary<string, int>> ShardsAsync(KvClient client) =>
        (await client.Administration.Calls.ListNodesAsync()).Nodes.ToDictionary(static node => node.NodeId, static node => node.Shards);
}
