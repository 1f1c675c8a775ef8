using System.Diagnostics;
using KvRaft.Chaos.Cluster;
using KvRaft.Chaos.Links;
using KvRaft.Chaos.Machine;
using KvRaft.Chaos.Measures;
using KvRaft.V1;

namespace KvRaft.Chaos.Faults;

/// <summary>The objects that a fault may use, and its source of random numbers.</summary>
internal sealed record FaultScene(ChaosCluster Cluster, Random Random, FailoverProbe Failovers, RunTotals Totals)
{
    public NodeNetwork Network => Cluster.Network ?? throw new InvalidOperationException("This fault needs a separate network for the nodes.");

    public BadLinks Links => Cluster.Links ?? throw new InvalidOperationException("This fault needs links that can be bad.");

    public ClockShim Clocks => Cluster.Clocks ?? throw new InvalidOperationException("This fault needs clocks that can be moved.");

    public int AnyNode() => Random.Next(Cluster.Plan.Nodes);

    /// <summary>The given number of distinct nodes, in random order.</summary>
    public int[] AnyNodes(int count)
    {
        var nodes = Cluster.Plan.Numbers.ToArray();
        Random.Shuffle(nodes);
        return nodes[..count];
    }

    /// <summary>The node that leads a randomly chosen shard, and that shard; if the shard has no leader, the method waits up to 10 s.</summary>
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

    /// <summary>Queries one node after another, repeatedly, until one answers; null if none did in that time. Each node is queried at least once.</summary>
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

    /// <summary>Whether the nodes answer, and each of their replicas leads or follows.</summary>
    public async Task<Evidence> ServeAsync(params int[] nodes) => Serving(await Cluster.StatusesAsync(), nodes);

    /// <summary>Like <see cref="ServeAsync"/>, from given statuses.</summary>
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

    /// <summary>Replicas of these nodes that are rebuilt from the data of other nodes, as the nodes report it.</summary>
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

/// <summary>A fault could not be planned or injected as intended.</summary>
internal sealed class FaultException(string message) : Exception(message);
