using System.Collections.Immutable;
using KvRaft.Topology;

namespace KvRaft.Placement.Planning;

/// <summary>
/// Spreads what is asked: a node whose shards are asked much more than its fair share (all requests, by weight) gives the leadership of one away, or exchanges
/// it for a quieter one of the other node. The number of shards each node leads stays what <see cref="LeaderBalance"/> calls fair, so the two never
/// undo each other; this one is asked when the other has nothing to do.
/// <para>
/// It comes to rest under any load that does not change: each step lowers the larger load of two nodes by a tenth at least and raises no other, so it cannot be
/// repeated for ever, and what wavers by less moves nothing. A shard that is a node's whole load stays where it is: handing it on would only carry the heat about.
/// Pure.
/// </para>
/// </summary>
public static class LoadBalance
{
    /// <summary>
    /// A node is busy above this many times its fair share: twice the tenth by which rates of a steady load waver in the simulated lives, which come to rest with it.
    /// </summary>
    public const double Tolerance = 1.2;

    /// <summary>What a step must be worth: the larger load of the two nodes falls to this part of what it was, or lower.</summary>
    public const double Gain = 0.9;

    /// <summary>Requests a second below which no node is busy. One group took 5,400 writes a second of unary clients on two cores (tests/Benchmarks), so this is a fiftieth of that.</summary>
    public const double LoadMin = 100;

    /// <summary>The next step: one transfer, or the two of an exchange; none if no node is busy, or nothing would help.</summary>
    /// <param name="shards">Shards with a leader, and what is asked of each.</param>
    /// <param name="weights">By node; 1 if missing.</param>
    /// <param name="resting">Shards whose leadership changed a moment ago. What their leaders are asked is not known yet, so these take no part.</param>
    public static IReadOnlyList<LeaderTransfer> Next(
        IReadOnlyList<LedShard> shards, IReadOnlyDictionary<NodeId, double> weights, IReadOnlySet<ShardId> resting)
    {
        ArgumentNullException.ThrowIfNull(shards);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(resting);
        var nodes = NodesOf(shards, weights, resting);
        var (load, weight) = (nodes.Values.Sum(static node => node.Load), nodes.Values.Sum(static node => node.Weight));
        var busy = nodes.Values
            .Where(node => node is { IsResting: false, Load: >= LoadMin } && node.Heat > Tolerance * load / weight)
            .OrderByDescending(static node => node.Heat)
            .ThenBy(static node => node.Id);
        return busy.Select(node => StepFrom(node, nodes)).FirstOrDefault(static step => step.Count > 0) ?? [];
    }

    /// <summary>By node: what is asked of the shards it leads.</summary>
    public static Dictionary<NodeId, double> Loads(IReadOnlyList<LedShard> shards)
    {
        ArgumentNullException.ThrowIfNull(shards);
        return shards.GroupBy(static shard => shard.Leader).ToDictionary(static led => led.Key, static led => led.Sum(static shard => shard.Load));
    }

    private static Dictionary<NodeId, Leader> NodesOf(IReadOnlyList<LedShard> shards, IReadOnlyDictionary<NodeId, double> weights, IReadOnlySet<ShardId> resting)
    {
        var fair = LeaderBalance.FairShares(shards, weights);
        var led = shards.ToLookup(static shard => shard.Leader);
        return fair.ToDictionary(
            static pair => pair.Key,
            pair => new Leader(
                pair.Key,
                [.. led[pair.Key]],
                led[pair.Key].Sum(static shard => shard.Load),
                weights.GetValueOrDefault(pair.Key, 1),
                LeaderBalance.Bounds(pair.Value),
                led[pair.Key].Any(shard => resting.Contains(shard.Shard))));
    }

    // The step after which the hotter of the two nodes is as cool as can be; an exchange, which costs two hand-overs, only if a transfer is no match for it.
    private static IReadOnlyList<LeaderTransfer> StepFrom(Leader from, IReadOnlyDictionary<NodeId, Leader> nodes)
    {
        var (transfer, exchange) = (new Step([], from.Heat * Gain), new Step([], from.Heat * Gain));
        foreach (var given in from.Shards.OrderByDescending(static shard => shard.Load).ThenBy(static shard => shard.Shard))
        {
            foreach (var to in given.Candidates.Where(node => node != from.Id).Select(node => nodes[node]).Where(static node => !node.IsResting))
            {
                if (from.Shards.Length > from.Leads.Floor && to.Shards.Length < to.Leads.Ceiling)
                {
                    transfer = transfer.Or([new LeaderTransfer(given.Shard, from.Id, to.Id)], HeatAfter(given.Load, to));
                }

                foreach (var taken in to.Shards.Where(shard => shard.Load < given.Load && shard.Candidates.Contains(from.Id)))
                {
                    exchange = exchange.Or(
                        [new LeaderTransfer(given.Shard, from.Id, to.Id), new LeaderTransfer(taken.Shard, to.Id, from.Id)], HeatAfter(given.Load - taken.Load, to));
                }
            }
        }

        return transfer.Transfers.Length > 0 && exchange.Heat > transfer.Heat * Gain ? transfer.Transfers : exchange.Transfers;

        double HeatAfter(double moved, Leader to) => Math.Max((from.Load - moved) / from.Weight, (to.Load + moved) / to.Weight);
    }

    /// <param name="Transfers">None: there is no such step.</param>
    /// <param name="Heat">Of the hotter node afterwards.</param>
    private readonly record struct Step(LeaderTransfer[] Transfers, double Heat)
    {
        public Step Or(LeaderTransfer[] transfers, double heat) => heat < Heat ? new Step(transfers, heat) : this;
    }

    /// <param name="Id">The node.</param>
    /// <param name="Shards">What it leads.</param>
    /// <param name="Load">What is asked of them together.</param>
    /// <param name="Weight">How much it can take.</param>
    /// <param name="Leads">How many it should lead.</param>
    /// <param name="IsResting">What it is asked is not known well enough.</param>
    private sealed record Leader(NodeId Id, ImmutableArray<LedShard> Shards, double Load, double Weight, (int Floor, int Ceiling) Leads, bool IsResting)
    {
        public double Heat => Load / Weight;
    }
}
