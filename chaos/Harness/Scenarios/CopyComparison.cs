using System.Diagnostics;
using KvRaft.Chaos.Checkers;
using KvRaft.Chaos.Cluster;
using KvRaft.V1;

namespace KvRaft.Chaos.Scenarios;

/// <summary>
/// Do the replica holders of a token range of an eventual keyspace hold the same in it, and the other nodes nothing? The harness queries the hash of each
/// token range until all
/// agree. It does not read keys, because a read repairs the differences it finds.
/// </summary>
internal static class CopyComparison
{
    /// <summary>The requirement on the store: equal within ten seconds, here of the last write, which comes a second after the last heal.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <returns>Null, or what is not equal after the patience.</returns>
    public static async Task<Finding?> DifferenceAsync(ChaosCluster cluster, KeyspaceInfo keyspace)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var difference = await LookAsync(cluster, keyspace);
            if (difference is null || clock.Elapsed > Patience)
            {
                return difference is null ? null : new Finding("copies-differ", $"{Patience.TotalSeconds:0} s after the last write {difference}");
            }

            await Task.Delay(200);
        }
    }

    private static async Task<string?> LookAsync(ChaosCluster cluster, KeyspaceInfo keyspace)
    {
        var roots = await Task.WhenAll(cluster.Plan.Numbers.Select(node => cluster.Admin(node).TokenRangeRootsAsync(keyspace.Id)));
        var statuses = await Task.WhenAll(cluster.Plan.Numbers.Select(node => cluster.Admin(node).RepairStatusAsync(keyspace.Name)));
        if (Array.FindIndex(roots, static answer => answer is null) is >= 0 and var silent)
        {
            return $"{ChaosCluster.NameOf(silent)} does not answer";
        }

        if (Array.FindIndex(statuses, static answer => answer is null) is >= 0 and var mute)
        {
            return $"{ChaosCluster.NameOf(mute)} does not report its token ranges";
        }

        for (var range = 0; range < roots[0]!.Roots.Count; range++)
        {
            var lists = statuses.Select(answer => answer!.TokenRanges.FirstOrDefault(each => each.TokenRange == range)).Where(static each => each is not null).ToList();
            var holders = cluster.Plan.Numbers.Where(node => lists.Exists(each => each!.Others.Contains(ChaosCluster.NameOf(node)))).ToHashSet();
            var hashes = cluster.Plan.Numbers.Select(node => $"{ChaosCluster.NameOf(node)} {roots[node]!.Roots[range]:x}");
            if (holders.Select(node => roots[node]!.Roots[range]).Distinct().Count() > 1)
            {
                return $"copies of token range {range} of {keyspace.Name} differ: {string.Join(", ", hashes)}";
            }

            if (cluster.Plan.Numbers.FirstOrDefault(node => !holders.Contains(node) && roots[node]!.Roots[range] != 0, -1) is >= 0 and var stray)
            {
                return $"{ChaosCluster.NameOf(stray)} still has records of token range {range} of {keyspace.Name}, which it does not hold";
            }
        }

        return null;
    }
}
