using System.Diagnostics;
using KvRaft.Chaos.Checkers;
using KvRaft.Chaos.Cluster;
using KvRaft.V1;

namespace KvRaft.Chaos.Scenarios;

/// <summary>
/// Do the replicas of each shard hold the same? The harness queries a digest of their data until all have applied the same index,
/// which happens soon after the last write. Then the digests must agree, byte for byte.
/// </summary>
internal static class ReplicaComparison
{
    /// <summary>The finding of a replica that did not catch up in time; all others are of replicas that differ.</summary>
    public const string Behind = "replica-behind";

    /// <summary>A replica that is behind without load catches up within seconds, or not at all.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <param name="cluster">The nodes.</param>
    /// <param name="over">Cancelled: a node or a replica will not catch up; each shard is checked once.</param>
    public static async Task<IReadOnlyList<Finding>> DifferencesAsync(ChaosCluster cluster, CancellationToken over)
    {
        var findings = new List<Finding>();
        for (var shard = 0; shard < cluster.Plan.Shards; shard++)
        {
            findings.AddRange(await OfShardAsync(cluster, shard, over));
        }

        return findings;
    }

    private static async Task<IEnumerable<Finding>> OfShardAsync(ChaosCluster cluster, int shard, CancellationToken over)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var answers = await DigestsAsync(cluster, shard);
            var seen = string.Join("; ", answers.Select(answer => $"{ChaosCluster.NameOf(answer.Node)} {(answer.Digest is { } digest ? $"at {digest.AppliedIndex}: {digest.Keys} keys, revision {digest.Revision}, {Convert.ToHexStringLower(digest.Digest.Span)[..16]}" : "does not answer")}"));
            if (answers.Count > 0 && answers.All(answer => answer.Digest is not null) && answers.Select(answer => answer.Digest!.AppliedIndex).Distinct().Count() == 1)
            {
                return answers.Select(answer => answer.Digest!.Digest).Distinct().Count() == 1
                    ? []
                    : [new Finding("replicas-differ", $"shard {shard}: {seen}")];
            }

            if (over.IsCancellationRequested)
            {
                return [];
            }

            if (clock.Elapsed > Patience)
            {
                return [new Finding(Behind, $"shard {shard}, {Patience.TotalSeconds:0} s after the last write: {seen}")];
            }

            await Task.Delay(200, CancellationToken.None);
        }
    }

    private static async Task<IReadOnlyList<(int Node, DigestResponse? Digest)>> DigestsAsync(ChaosCluster cluster, int shard)
    {
        var holders = (await cluster.StatusesAsync()).Where(pair => pair.Value.Groups.Any(group => group.Shard == shard)).Select(pair => pair.Key).Order().ToList();
        return await Task.WhenAll(holders.Select(async node => (node, await cluster.Admin(node).DigestAsync(shard))));
    }
}
