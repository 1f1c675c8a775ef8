using KvRaft.Client;
using KvRaft.V1;

namespace KvRaft.Integration.Tests.Processes;

/// <summary>The conditions that tests of joining and leaving nodes wait for.</summary>
internal static class ComingAndGoing
{
    /// <summary>The answer, or null while there is none: the called node may be down, or group 0 has no leader at the moment.</summary>
    public static async Task<T?> TryAsync<T>(Func<Task<T>> ask)
        where T : class
    {
        try
        {
            return await ask();
        }
        catch (KvException error) when (error.IsTransient || error.Outcome == KvOutcome.Unknown || error.Reason == ErrorReasons.InvalidRequest)
        {
            return null;
        }
    }

    /// <summary>Waits until no move waits or runs.</summary>
    public static Task QuietAsync(this ProcessCluster cluster, KvClient client) => cluster.EventuallyAsync(
        async () => await TryAsync(() => client.Administration.Calls.ListOperatorsAsync()) is { Operators.Count: 0 } quiet ? quiet : null, "all moves to be done");

    /// <summary>Waits until the placement driver has an answer of a node; it queries once a second, so a node that serves already may still count as unreachable.</summary>
    public static Task HeardAsync(this ProcessCluster cluster, KvClient client, string node) => cluster.EventuallyAsync(
        async () => await TryAsync(() => client.Administration.Calls.ListNodesAsync()) is { } nodes
            && nodes.Nodes.Any(each => each.NodeId == node && each.Health == "up" && each.SilenceMs >= 0) ? nodes : null,
        $"heartbeats of {node}");

    /// <summary>Commits changes; repeats while group 0 has no leader.</summary>
    public static async Task<PlanInfo> CommitAsync(this ProcessCluster cluster, KvClient client, params PlanChange[] changes)
    {
        PlanInfo? done = null;
        await cluster.EventuallyAsync(
            async () =>
            {
                try
                {
                    return done = await client.Administration.Calls.CommitPlanAsync(changes);
                }
                catch (KvException error) when (error.IsTransient && error.Outcome != KvOutcome.Unknown)
                {
                    return null;
                }
            },
            "a plan to be committed");
        return done!;
    }

    public static PlanChange Add(string node) => new() { Kind = PlanChangeKind.Add, NodeId = node };

    public static PlanChange Decommission(string node) => new() { Kind = PlanChangeKind.Decommission, NodeId = node };

    /// <summary>Waits until each of some nodes leads nothing, or the wanted number of groups.</summary>
    public static Task LeadsNothingAsync(this ProcessCluster cluster, string node) => cluster.EventuallyAsync(
        async () => await cluster.StatusAsync(node) is { } status && status.Groups.All(static group => group.Role != ReplicaRole.Leader) ? status : null,
        $"{node} to lead nothing");

    /// <summary>Every replica of the map is a voter, no other replica is, and all report the same digest at the same entry.</summary>
    public static async Task AgreesAsync(this ProcessCluster cluster, KvClient client)
    {
        var map = await client.Administration.Calls.GetRoutesAsync();
        foreach (var shard in map.Shards)
        {
            var replicas = shard.Replicas.Select(static replica => replica.NodeId).Order().ToArray();
            var leader = await cluster.LeaderAsync(shard.Shard + 1, replicas);
            Assert.Equal(replicas, (await cluster.StatusAsync(leader))!.Groups.Single(group => group.Shard == shard.Shard).Voters.Order());
            await cluster.EventuallyAsync(
                async () =>
                {
                    var digests = await Task.WhenAll(replicas.Select(node => TryAsync(
                        () => client.Administration.Calls.GetDigestAsync(cluster.Endpoint(node), shard.Shard, TimeSpan.FromSeconds(5)))));
                    return Array.TrueForAll(digests, static digest => digest is not null)
                        && digests.Select(static digest => (digest!.AppliedIndex, digest.Digest)).Distinct().Count() == 1
                            ? digests
                            : null;
                },
                $"equal digests of shard {shard.Shard}");
        }
    }
}
