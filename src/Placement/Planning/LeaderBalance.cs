using System.Collections.Immutable;
using KvRaft.Topology;

namespace KvRaft.Placement.Planning;

/// <summary>Who leads a shard, and who could.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Leader">Who leads it.</param>
/// <param name="Candidates">Nodes with a replica that may lead: they answer, and are neither drained nor leaving.</param>
public sealed record LedShard(ShardId Shard, NodeId Leader, ImmutableArray<NodeId> Candidates)
{
    /// <summary>Requests a second that its leader answers; 0: nobody asks, or nothing is known.</summary>
    public double Load { get; init; }
}

/// <summary>A leadership that should change hands.</summary>
public readonly record struct LeaderTransfer(ShardId Shard, NodeId From, NodeId To);

/// <summary>
/// Spreads leaderships: every node should lead its fair share, which is what it gets if each shard's candidates share it by weight, rounded up or down.
/// Such a spread exists, because fractions are a flow and flows have whole solutions; transfers along a path from a node with too many to one with room
/// bring it about, each a step by itself.
/// <para>
/// Within the rounding nothing is done, so a balanced cluster stays as it is; what must not lead (a leader that is no candidate) comes first. Pure.
/// </para>
/// </summary>
public static class LeaderBalance
{
    /// <summary>The next transfers, at most so many, each of another shard; none when all is well.</summary>
    /// <param name="shards">Shards with a leader. One without is left out: it settles itself.</param>
    /// <param name="weights">By node; 1 if missing.</param>
    /// <param name="resting">Shards not to be touched: their leadership changed a moment ago.</param>
    /// <param name="atOnce">The most transfers.</param>
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

    /// <summary>By node: its part of each shard that it may lead, by weight.</summary>
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

    /// <summary>How many leaderships are fair, of a share that is no whole number.</summary>
    public static (int Floor, int Ceiling) Bounds(double fair) => (Floor(fair), Ceiling(fair));

    // Breadth first from the fullest nodes to the first that has room: the first step of the shortest path is taken now, and the rest is found anew.
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

    // A share that is whole but for the last bits of a sum of fractions is whole.
    private const double Rounding = 1e-9;

    private static int Ceiling(double share) => (int)Math.Ceiling(share - Rounding);

    private static int Floor(double share) => (int)Math.Floor(share + Rounding);
}
