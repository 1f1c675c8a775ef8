using System.Diagnostics;
using KvRaft.Chaos.Cluster;
using KvRaft.Chaos.Links;
using KvRaft.Chaos.Machine;
using KvRaft.Chaos.Measures;
using KvRaft.V1;

namespace KvRaft.Chaos.Faults;

/// <summary>What a fault may touch, and the chance it may use.</summary>
internal sealed record FaultScene(ChaosCluster Cluster, Random Random, FailoverProbe Failovers, RunTotals Totals)
{
    public NodeNetwork Network => Cluster.Network ?? throw new InvalidOperationException("This fault needs a network of the nodes' own.");

    public BadLinks Links => Cluster.Links ?? throw new InvalidOperationException("This fault needs links that can be bad.");

    public ClockShim Clocks => Cluster.Clocks ?? throw new InvalidOperationException("This fault needs clocks that can be moved.");

    public int AnyNode() => Random.Next(Cluster.Plan.Nodes);

    /// <summary>So many distinct nodes, in random order.</summary>
    public int[] AnyNodes(int count)
    {
        var nodes = Cluster.Plan.Numbers.ToArray();
        Random.Shuffle(nodes);
        return nodes[..count];
    }

    /// <summary>The node that leads a shard chosen by chance, and that shard; a shard without a leader is waited for, up to 10 s.</summary>
    public async Task<(int Node, int Shard)> AnyLeaderAsync()
    {
        var shard = Random.Next(Cluster.Plan.Shards);
        for (var tries = 0; tries < 100; tries++)
        {
            if ((await Cluster.LeadersAsync()).TryGetValue(shard, out var leader))
            {
                return (leader, shard);
            }

            await Task.Delay(100);
        }

        throw new FaultException($"shard {shard} had no leader for 10 s");
    }

    /// <summary>Asks one node after another, again and again, until one answers; null if none did in that time, each having been asked once at least.</summary>
    public async Task<T?> AskAnyAsync<T>(Func<AdminChannel, Task<T?>> ask, TimeSpan patience)
        where T : class
    {
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(200))
        {
            foreach (var node in Cluster.Plan.Numbers)
            {
                if (await ask(Cluster.Admin(node)) is { } answer)
                {
                    return answer;
                }
            }

            if (clock.Elapsed >= patience)
            {
                return null;
            }
        }
    }

    /// <summary>Whether the nodes answer, each of their replicas leading or following.</summary>
    public async Task<Evidence> ServeAsync(params int[] nodes) => Serving(await Cluster.StatusesAsync(), nodes);

    /// <summary>The same, of what the nodes said.</summary>
    public static Evidence Serving(IReadOnlyDictionary<int, StatusResponse> statuses, params IReadOnlyCollection<int> nodes)
    {
        foreach (var node in nodes)
        {
            if (!statuses.TryGetValue(node, out var status))
            {
                return Evidence.Missing($"{ChaosCluster.NameOf(node)} does not answer");
            }

            if (status.Groups.FirstOrDefault(group => group.Role is not (ReplicaRole.Leader or ReplicaRole.Follower)) is { } unfit)
            {
                return Evidence.Missing($"group {unfit.Group} of {ChaosCluster.NameOf(node)} is {unfit.Role}, {unfit.State}");
            }
        }

        return Evidence.Seen($"{Names(nodes)} serve");
    }

    /// <summary>Replicas of these nodes that are made anew from others' data, in the nodes' words.</summary>
    public static IReadOnlyList<string> Rebuilt(IReadOnlyDictionary<int, StatusResponse> statuses, IReadOnlyCollection<int> nodes) =>
    [
        .. from pair in statuses
           where nodes.Contains(pair.Key)
           from replica in pair.Value.Groups
           where replica.State.StartsWith("rebuilding", StringComparison.Ordinal)
           select $"group {replica.Group} of {ChaosCluster.NameOf(pair.Key)} is {replica.State}",
    ];

    public static string Names(IEnumerable<int> nodes) => string.Join(',', nodes.Order().Select(ChaosCluster.NameOf));
}

/// <summary>A fault could not be planned or injected as meant.</summary>
internal sealed class FaultException(string message) : Exception(message);
