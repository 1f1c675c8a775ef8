using System.Collections.Immutable;
using KvRaft.Topology;

namespace KvRaft.Placement.Planning;

/// <summary>
/// Spreads the request load. If a node serves much more than its fair share (all requests, divided by weight), it transfers the leadership of one
/// shard to another node, or exchanges it for a leadership with less load. The number of shards that each node leads stays within the range of
/// <see cref="LeaderBalance"/>, so the two schedulers never undo each other; this one acts only when the other has nothing to do.
/// <para>
/// Under a constant load it terminates: each step lowers the larger load of two nodes by at least a tenth and raises no other load, so steps cannot
/// repeat for ever, and smaller variations cause no transfer. If a shard is the whole load of a node, it stays: a transfer would only move the
/// overload to another node. Pure.
/// </para>
/// </summary>
public static class LoadBalance
{
    /// <summary>
    /// A node is busy above this multiple of its fair share. In the simulation, measured rates of a steady load vary by a tenth; this limit is twice
    /// that, and the simulated clusters terminate with it.
    /// </summary>
    public const double Tolerance = 1.2;

    /// <summary>The minimum gain of a step: the larger load of the two nodes falls to this part of its value, or lower.</summary>
    public const double Gain = 0.9;

    /// <summary>
    /// Requests per second below which no node is busy. One group handled 5,400 writes per second of unary clients on two cores (tests/Benchmarks);
    /// this is a fiftieth of that.
    /// </summary>
    public const double LoadMin = 100;

    /// <summary>The next step: one transfer, or the two transfers of an exchange; empty if no node is busy, or if no step helps.</summary>
    /// <param name="shards">Shards with a leader, with the request rate of each.</param>
    /// <param name="weights">By node; 1 if missing.</param>
    /// <param name="resting">Shards whose leadership changed recently. The load of their leaders is not measured yet, so they take no part.</param>
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

    /// <summary>By node: the total load of the shards that it leads.</summary>
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

    // The step with the lowest resulting load on the busier of the two nodes. An exchange costs two transfers, so it is chosen only if no single
    // transfer is as good.
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

    /// <param name="Transfers">Empty: there is no such step.</param>
    /// <param name="Heat">The load of the busier node after the step.</param>
    private readonly record struct Step(LeaderTransfer[] Transfers, double Heat)
    {
        public Step Or(LeaderTransfer[] transfers, double heat) => heat < Heat ? new Step(transfers, heat) : this;
    }

    /// <param name="Id">The node.</param>
    /// <param name="Shards">The shards that it leads.</param>
    /// <param name="Load">Their total load.</param>
    /// <param name="Weight">The relative capacity of the node.</param>
    /// <param name="Leads">The number of shards that it should lead.</param>
    /// <param name="IsResting">Its load is not measured well enough.</param>
    private sealed record Leader(NodeId Id, ImmutableArray<LedShard> Shards, double Load, double Weight, (int Floor, int Ceiling) Leads, bool IsResting)
    {
        public double Heat => Load / Weight;
    }
}
