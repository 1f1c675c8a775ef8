using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Raft.Leadership;

/// <summary>
/// Whether a group needs a new leader, and who stands for election. All that survive would be able to; that they all stand at once
/// splits the vote. Each of them decides the same by itself, from what the others answered; where they differ, because an answer was
/// missing, they ask again. Nothing here is needed for safety: terms, votes and logs decide as ever who may win. Pure.
/// </summary>
internal static class Succession
{
    /// <summary>
    /// May a replica that hears no leader take that for true? Only if it is so for a majority of the voters: a link that broke, or a pause of the one that
    /// listens, says nothing about the leader.
    /// </summary>
    /// <param name="voters">All the group has.</param>
    /// <param name="deaf">Those that answered and hear nobody lead, and this replica itself.</param>
    public static bool IsVacant(int voters, int deaf) => 2 * deaf > voters;

    /// <summary>
    /// The survivor with the longest log (it needs nobody's leave to win). Among equals one whose clock is right; among those the groups take turns: one node that led many groups
    /// leaves them to all others alike, and not all to the first. Null if the survivors are no majority of the voters: nobody could win.
    /// </summary>
    /// <param name="group">Whose turn it is depends on it.</param>
    /// <param name="voters">All the group has, the dead leader among them.</param>
    /// <param name="survivors">Those that answered, and this replica itself, with the end of their logs, and whether their clock is wrong.</param>
    /// <param name="incomplete">Those among them that lack their state: they vote, and could not serve.</param>
    public static NodeId? Heir(
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
