using System.Collections.Immutable;

namespace KvRaft.Topology;

/// <summary>
/// How many replicas of one shard each zone holds, and how many replicas of all shards each node should hold. Replicas are dealt to
/// zones in rounds, one each while a zone has a node left; the rounds that every zone can fill are a floor, and of the last, partial
/// round a zone gets one or none. Within these bounds a node's fair share is in proportion to its weight.
/// </summary>
internal sealed class ReplicaQuota
{
    /// <summary>
    /// How far a node may stray from its fair share, as a part of it. A tenth would be felt as uneven load, nothing at all would move
    /// replicas for every rounding; three per cent is below what the sizes of equal arcs differ by anyway.
    /// </summary>
    public const double Slack = 0.03;

    /// <summary>What a sum of doubles may be off by; far below the 1 that would matter.</summary>
    private const double Rounding = 1e-6;

    public ReplicaQuota(ImmutableArray<RingNode> nodes, ZoneTable zones, int shardCount, int replicationFactor)
    {
        (ZoneMin, ZoneMax) = DealRounds(zones, replicationFactor);
        FairShare = Shares(nodes, zones, shardCount, replicationFactor);
        LoadMin = [.. FairShare.Select(static share => Math.Min((int)Math.Floor(share + Rounding), (int)Math.Ceiling(share * (1 - Slack))))];
        LoadMax = [.. FairShare.Select(static share => Math.Max((int)Math.Ceiling(share - Rounding), (int)Math.Floor(share * (1 + Slack))))];
    }

    /// <summary>By zone: the replicas of a shard that lie there in any case.</summary>
    public int[] ZoneMin { get; }

    /// <summary>By zone: the most replicas of a shard that may lie there; at most one more than <see cref="ZoneMin"/>.</summary>
    public int[] ZoneMax { get; }

    /// <summary>By node: replicas in proportion to its weight, as far as zones and distinctness allow.</summary>
    public double[] FairShare { get; }

    /// <summary>By node: the fewest replicas it should hold.</summary>
    public int[] LoadMin { get; }

    /// <summary>By node: the most replicas it may hold.</summary>
    public int[] LoadMax { get; }

    private static (int[] Min, int[] Max) DealRounds(ZoneTable zones, int replicationFactor)
    {
        var min = new int[zones.Count];
        for (var (round, left) = (0, replicationFactor); ; round++)
        {
            var able = Enumerable.Range(0, zones.Count).Where(zone => zones.NodesOf(zone).Length > round).ToArray();
            if (able.Length > left || left == 0)
            {
                var max = (int[])min.Clone();
                foreach (var zone in left > 0 ? able : [])
                {
                    max[zone]++;
                }

                return (min, max);
            }

            foreach (var zone in able)
            {
                min[zone]++;
            }

            left -= able.Length;
        }
    }

    // Every node gets level × weight, but no more than one replica of each shard, and every zone stays in its bounds. The level at
    // which this adds up is found by halving; then each zone that hit a bound finds its own level in the same way.
    private double[] Shares(ImmutableArray<RingNode> nodes, ZoneTable zones, int shardCount, int replicationFactor)
    {
        var level = Solve(nodes, shardCount, (double)shardCount * replicationFactor, candidate =>
        {
            var sum = 0.0;
            for (var zone = 0; zone < zones.Count; zone++)
            {
                sum += Bounded(zone, SumOfZone(zone, candidate));
            }

            return sum;
        });

        var shares = new double[nodes.Length];
        for (var zone = 0; zone < zones.Count; zone++)
        {
            var free = SumOfZone(zone, level);
            var bounded = Bounded(zone, free);
            var own = zone;
            var ownLevel = bounded.Equals(free) ? level : Solve(nodes, shardCount, bounded, candidate => SumOfZone(own, candidate));
            foreach (var node in zones.NodesOf(zone))
            {
                shares[node] = Math.Min(shardCount, ownLevel * nodes[node].Weight);
            }
        }

        return shares;

        double Bounded(int zone, double sum) => Math.Clamp(sum, (double)ZoneMin[zone] * shardCount, (double)ZoneMax[zone] * shardCount);

        double SumOfZone(int zone, double candidate)
        {
            var sum = 0.0;
            foreach (var node in zones.NodesOf(zone))
            {
                sum += Math.Min(shardCount, candidate * nodes[node].Weight);
            }

            return sum;
        }
    }

    // 100 halvings of at most 2^20 (4096 shards over the least weight, doubled) go beyond what a double can tell apart.
    private static double Solve(ImmutableArray<RingNode> nodes, int shardCount, double total, Func<double, double> sumAt)
    {
        var (low, high) = (0.0, 2 * shardCount / nodes.Min(static node => node.Weight));
        for (var i = 0; i < 100; i++)
        {
            var middle = (low + high) / 2;
            (low, high) = sumAt(middle) < total ? (middle, high) : (low, middle);
        }

        return high;
    }
}
