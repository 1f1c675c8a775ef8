using KvRaft.Client;
using KvRaft.Integration.Tests.Processes;
using KvRaft.V1;

namespace KvRaft.Integration.Tests;

/// <summary>Nodes join one after the other, from three to nine, one gets a higher weight, and they leave again, while clients write.</summary>
public sealed class BalanceTests(ITestOutputHelper output)
{
    private const int Shards = 16;

    [Trait("Category", "Long")]
    [Fact]
    public async Task From_three_to_nine_nodes_and_back_shards_and_leaders_stay_within_one_of_their_fair_share()
    {
        await using var cluster = await ProcessCluster.StartAsync(Shards);
        await using var client = cluster.Client("n2", "n3");
        await using var writers = new Writers(cluster.Client("n2", "n3"), count: 4);
        await writers.ReachedAsync(100);
        for (var number = 4; number <= 9; number++)
        {
            await cluster.JoinAsync($"n{number}");
            await cluster.ServesAsync($"n{number}");
            await cluster.HeardAsync(client, $"n{number}");
            await cluster.CommitAsync(client, ComingAndGoing.Add($"n{number}"));
            await FairAsync(cluster, client, $"{number} nodes");
        }

        await cluster.CommitAsync(client, new PlanChange { Kind = PlanChangeKind.Weight, NodeId = "n5", Weight = 2 });
        await FairAsync(cluster, client, "n5 of weight 2");
        foreach (var node in (string[])["n5", "n4", "n1", "n6", "n7", "n8"])
        {
            await cluster.CommitAsync(client, ComingAndGoing.Decommission(node));
            Assert.Equal(1, (await cluster.WhenEndedByItselfAsync(node)).ExitCode);
            cluster.Forget(node);
            await FairAsync(cluster, client, $"without {node}");
        }

        await writers.StopAsync();
        output.WriteLine($"{writers.Acknowledged.Count} writes, {writers.FailedCalls} failed");
        Assert.Equal(0, writers.FailedCalls);
        Assert.Empty(await writers.LostAsync(client));
        await cluster.AgreesAsync(client);
    }

    private async Task FairAsync(ProcessCluster cluster, KvClient client, string when)
    {
        await cluster.QuietAsync(client);
        RingInfo? ring = null;
        await cluster.EventuallyAsync(
            async () =>
            {
                ring = await ComingAndGoing.TryAsync(() => client.Administration.Calls.ShowRingAsync()) ?? ring;
                return ring?.Nodes.All(static node => Math.Abs(node.Leaders - node.FairLeaders) <= 1) == true && ring.Nodes.Sum(static node => node.Leaders) == Shards ? ring : null;
            },
            $"leaders to be spread: {when}");
        output.WriteLine($"{when}: {string.Join(", ", ring!.Nodes.Select(static node => FormattableString.Invariant(
            $"{node.NodeId} {node.Shards} of {node.FairShards:0.0} shards, leads {node.Leaders} of {node.FairLeaders:0.0}")))}");
        Assert.All(ring.Nodes, static node => Assert.InRange(node.Shards, node.FairShards - 1, node.FairShards + 1));
    }
}
