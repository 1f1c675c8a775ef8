using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Raft.Leadership;

/// <summary>
/// Decides whether a group needs a new leader, and which replica campaigns. If all survivors campaign at once, the vote is
/// split. Each survivor decides independently from the answers of the others; if the decisions differ, because an answer was
/// missing, the survivors query again. Safety does not depend on this: terms, votes and logs decide, as always, which candidate can win. Pure.
/// </summary>
internal static class Succession
{
    /// <summary>
    /// Returns whether the absence of a leader is confirmed. It is, if a majority of the voters has no leader: a broken link, or a pause of the replica
    /// itself, is no evidence about the leader.
    /// </summary>
    /// <param name="voters">All voters of the group.</param>
    /// <param name="deaf">The replicas that answered and have no leader, and this replica itself.</param>
    public static bool IsVacant(int voters, int deaf) => 2 * deaf > voters;

    /// <summary>
    /// The survivor with the longest log (no voter rejects it for its log). Among equal logs one with a correct clock; among those, the groups take turns: when a node that led many groups
    /// fails, its groups are spread over all other nodes. Null if the survivors are no majority of the voters: no replica could win.
    /// </summary>
    /// <param name="group">Decides whose turn it is.</param>
    /// <param name="voters">All voters of the group, the dead leader included.</param>
    /// <param name="survivors">The replicas that answered, and this replica itself, with the end of their logs, and whether their clock is wrong.</param>
    /// <param name="incomplete">The survivors that lack their state: they vote, but could not serve.</param>
    public static NodeId? Candidate(
        GroupId group, IReadOnlyCollection<NodeId> voters, IReadOnlyCollection<(NodeId Node, LogPosition Last, bool IsSkewed)> survivors, IReadOnlyCollection<NodeId>? incomplete = null)
    {
        var able = survivors.Where(each => incomplete?.Contains(each.Node) != true).ToArray();
        if (2 * survivors.Count <= voters.Count || able.Length == 0)
        {
            return null;
        }

        var inTurn = voters.Order().ToArray();
        return able.OrderByDescending(each => each.Last.Term).ThenByDescending(each => each.Last.Index)
            .ThenBy(each => each.IsSkewed)
            .ThenBy(each => (Array.IndexOf(inTurn, each.Node) + group.Value) % inTurn.Length).First().Node;
    }
}
