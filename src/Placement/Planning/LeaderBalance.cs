using System.Collections.Immutable;
using KvRaft.Topology;

namespace KvRaft.Placement.Planning;

/// <summary>A shard with its leader and the nodes that could lead it.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Leader">The node that leads it.</param>
/// <param name="Candidates">Nodes with a replica that may lead: they answer, and are neither drained nor leaving.</param>
public sealed record LedShard(ShardId Shard, NodeId Leader, ImmutableArray<NodeId> Candidates)
{
    /// <summary>Requests per second that its leader answers; 0: there are none, or the rate is unknown.</summary>
    public double Load { get; init; }
}

/// <summary>A leadership that should move from one node to another.</summary>
public readonly record struct LeaderTransfer(ShardId Shard, NodeId From, NodeId To);

/// <summary>
/// Spreads leaderships. The fair share of a node is what it receives if the candidates of each shard divide that shard by weight; each node should
/// lead its fair share, rounded up or down. Such an assignment always exists: the fractions form a flow, and a flow with integer bounds has an
/// integer solution. Transfers along a path from a node with too many leaderships to a node with too few produce it; each transfer is one step.
/// <para>
/// Within the rounding there are no transfers, so a balanced cluster does not change. A leader that is not a candidate is replaced first. Pure.
/// </para>
/// </summary>
public static class LeaderBalance
{
    /// <summary>The next transfers, up to a maximum, each of a different shard; none if the leaderships are balanced.</summary>
    /// <param name="shards">Shards with a leader. A shard without a leader is not listed: its replicas elect one.</param>
    /// <param name="weights">By node; 1 if missing.</param>
    /// <param name="resting">Shards that must not be changed because their leadership changed recently.</param>
    /// <param name="atOnce">The maximum number of transfers.</param>
    public static IReadOnlyList<LeaderTransfer> Next(
        IReadOnlyList<LedShard> shards, IReadOnlyDictionary<NodeId, double> weights, IReadOnlySet<ShardId> resting, int atOnce)
    {
        ArgumentNullException.ThrowIfNull(shards);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(resting);
        var leads = shards.CountBy(static shard => shard.Leader).ToDictionary();
        var fair = FairShares(shards, weights);
        var evictions = shards
            .Where(static shard => !shard.Candidates.IsEmpty && !shard.Candidates.Contains(shard.Leader))
            .Take(atOnce)
            .Select(shard =>
            {
                var to = shard.Candidates.MinBy(node => (leads.GetValueOrDefault(node) - fair.GetValueOrDefault(node), node))!;
                leads[to] = leads.GetValueOrDefault(to) + 1;
                leads[shard.Leader]--;
                return new LeaderTransfer(shard.Shard, shard.Leader, to);
            })
            .ToList();
        return evictions.Count > 0 ? evictions : Path(shards, leads, fair, resting) is { } first ? [first] : [];
    }

    /// <summary>By node: the sum of its weighted parts of the shards that it may lead.</summary>
    public static Dictionary<NodeId, double> FairShares(IReadOnlyList<LedShard> shards, IReadOnlyDictionary<NodeId, double> weights)
    {
        ArgumentNullException.ThrowIfNull(shards);
        ArgumentNullException.ThrowIfNull(weights);
        var fair = new Dictionary<NodeId, double>();
        foreach (var shard in shards)
        {
            var total = shard.Candidates.Sum(node => weights.GetValueOrDefault(node, 1));
            foreach (var node in shard.Candidates)
            {
                fair[node] = fair.GetValueOrDefault(node) + (weights.GetValueOrDefault(node, 1) / total);
            }
        }

        return fair;
    }

    /// <summary>The range of leadership counts that is fair for a share that is not an integer.</summary>
    public static (int Floor, int Ceiling) Bounds(double fair) => (Floor(fair), Ceiling(fair));

    // Breadth-first search from the nodes with the most leaderships to the first node with too few. Only the first step of the shortest path is
    // taken; the next call searches again.
    private static LeaderTransfer? Path(
        IReadOnlyList<LedShard> shards, Dictionary<NodeId, int> leads, Dictionary<NodeId, double> fair, IReadOnlySet<ShardId> resting)
    {
        var over = fair.Keys.Where(node => leads.GetValueOrDefault(node) > Ceiling(fair[node])).Order().ToArray();
        if (over.Length > 0)
        {
            return Search(over, node => leads.GetValueOrDefault(node) < Ceiling(fair[node]));
        }

        var rich = fair.Keys.Where(node => leads.GetValueOrDefault(node) > Floor(fair[node])).Order().ToArray();
        return fair.Keys.Any(node => leads.GetValueOrDefault(node) < Floor(fair[node]))
            ? Search(rich, node => leads.GetValueOrDefault(node) < Floor(fair[node]))
            : null;

        LeaderTransfer? Search(NodeId[] sources, Func<NodeId, bool> hasRoom)
        {
            var firsts = sources.ToDictionary(static node => node, static _ => (LeaderTransfer?)null);
            var queue = new Queue<NodeId>(sources);
            while (queue.TryDequeue(out var node))
            {
                foreach (var shard in shards.Where(shard => shard.Leader == node && !resting.Contains(shard.Shard)))
                {
                    foreach (var to in shard.Candidates.Where(to => !firsts.ContainsKey(to)))
                    {
                        var step = firsts[node] ?? new LeaderTransfer(shard.Shard, node, to);
                        if (hasRoom(to))
                        {
                            return step;
                        }

                        firsts.Add(to, step);
                        queue.Enqueue(to);
                    }
                }
            }

            return null;
        }
    }

    // A share that differs from an integer only by the rounding error of the sum is that integer.
    private const double Rounding = 1e-9;

    private static int Ceiling(double share) => (int)Math.Ceiling(share - Rounding);

    private static int Floor(double share) => (int)Math.Floor(share + Rounding);
}
