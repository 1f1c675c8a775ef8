using KvRaft.Topology;

namespace KvRaft.Raft.Digests;

/// <summary>Evaluates the digests of a group's voters, all taken at one index. Pure.</summary>
internal static class DigestRules
{
    /// <param name="voters">All voters of the group.</param>
    /// <param name="digests">The digests of the voters that answered.</param>
    public static DigestVerdict Judge(IReadOnlyCollection<NodeId> voters, IReadOnlyDictionary<NodeId, ulong> digests)
    {
        var groups = digests.GroupBy(static digest => digest.Value).OrderByDescending(static group => group.Count()).ToArray();
        if (groups.Length <= 1)
        {
            return new DigestVerdict(AreEqual: true, Majority: null, Minority: []);
        }

        var majority = groups[0];
        return majority.Count() > voters.Count / 2
            ? new DigestVerdict(false, majority.Key, [.. digests.Where(digest => digest.Value != majority.Key).Select(static digest => digest.Key).Order()])
            : new DigestVerdict(false, null, []);
    }
}

/// <param name="AreEqual">No two digests differ.</param>
/// <param name="Majority">The digest of more than half of all voters; null: there is none, and the correct replica cannot be determined.</param>
/// <param name="Minority">The nodes whose replica differs from that majority.</param>
internal sealed record DigestVerdict(bool AreEqual, ulong? Majority, IReadOnlyList<NodeId> Minority);
