using System.Collections.Immutable;

namespace KvRaft.Topology;

/// <summary>
/// The number of replicas of one shard per zone, and the number of replicas of all shards per node. Replicas are assigned to zones in rounds, one to
/// each zone that has a node left. The rounds that every zone can fill are the minimum; in the last, partial round a zone gets one or none. Within
/// these bounds the fair share of a node is proportional to its weight.
/// </summary>
internal sealed class ReplicaQuota
{
    /// <summary>
    /// The allowed relative deviation of a node from its fair share. With a tenth, the load would be noticeably uneven; with zero, every rounding
    /// would move replicas; 3 % is less than the variation of the sizes of equal token ranges.
    /// </summary>
    public const double Slack = 0.03;

    /// <summary>The maximum rounding error of a sum of doubles; far below 1, the smallest difference that matters.</summary>
    private const double Rounding = 1e-6;

    public ReplicaQuota(ImmutableArray<RingNode> nodes, ZoneTable zones, int shardCount, int replicationFactor)
    {
        (ZoneMin, ZoneMax) = DealRounds(zones, replicationFactor);
        FairShare = Shares(nodes, zones, shardCount, replicationFactor);
        LoadMin = [.. FairShare.Select(static share => Math.Min((int)Math.Floor(share + Rounding), (int)Math.Ceiling(share * (1 - Slack))))];
        LoadMax = [.. FairShare.Select(static share => Math.Max((int)Math.Ceiling(share - Rounding), (int)Math.Floor(share * (1 + Slack))))];
    }

    /// <summary>By zone: the minimum number of replicas of a shard.</summary>
    public int[] ZoneMin { get; }

    /// <summary>By zone: the maximum number of replicas of a shard; at most one more than <see cref="ZoneMin"/>.</summary>
    public int[] ZoneMax { get; }

    /// <summary>By node: replicas in proportion to its weight, within the rules for zones and distinct nodes.</summary>
    public double[] FairShare { get; }

    /// <summary>By node: the minimum number of replicas.</summary>
    public int[] LoadMin { get; }

    /// <summary>By node: the maximum number of replicas.</summary>
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

    // Every node gets level × weight, but at most one replica of each shard, and every zone stays within its bounds. The level with the correct sum
    // is found by bisection; then each zone that reached a bound finds its own level in the same way.
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

    // 100 bisections of at most 2^20 (4096 shards divided by the minimum weight, doubled) exceed the precision of a double.
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
