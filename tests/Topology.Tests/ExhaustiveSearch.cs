namespace KvRaft.Topology.Tests;

/// <summary>The minimum number of moves to an assignment within the bounds, by exhaustive search. For a few nodes and shards.</summary>
internal static class ExhaustiveSearch
{
    public static int FewestMoves(RingNode[] nodes, ShardAssignment before)
    {
        var sorted = nodes.OrderBy(node => node.Id).ToArray();
        var zones = new ZoneTable([.. sorted]);
        var quota = new ReplicaQuota([.. sorted], zones, before.ShardCount, before.ReplicationFactor);
        var choices = Enumerable.Range(0, 1 << sorted.Length).Where(set => IsAllowed(set, before.ReplicationFactor, zones, quota)).ToArray();
        var held = before.Shards.Select(replicas => sorted.Index().Sum(node => replicas.Contains(node.Item.Id) ? 1 << node.Index : 0)).ToArray();
        return Try(0, new int[sorted.Length], 0);

        int Try(int shard, int[] loads, int moves)
        {
            if (loads.Index().Any(load => load.Item > quota.LoadMax[load.Index]))
            {
                return int.MaxValue;
            }

            if (shard == held.Length)
            {
                return loads.Index().All(load => load.Item >= quota.LoadMin[load.Index]) ? moves : int.MaxValue;
            }

            return choices.Min(set => Try(
                shard + 1, [.. loads.Select((load, node) => load + ((set >> node) & 1))], moves + int.PopCount(set & ~held[shard])));
        }
    }

    private static bool IsAllowed(int set, int replicationFactor, ZoneTable zones, ReplicaQuota quota) =>
        int.PopCount(set) == replicationFactor
        && Enumerable.Range(0, zones.Count).All(zone =>
        {
            var held = zones.NodesOf(zone).ToArray().Count(node => ((set >> node) & 1) == 1);
            return held >= quota.ZoneMin[zone] && held <= quota.ZoneMax[zone];
        });
}
