using System.Collections.Immutable;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Planning;

/// <summary>A change of group 0's own voters: one comes, or one goes.</summary>
/// <param name="Node">Whose replica.</param>
/// <param name="Add">It becomes a voter, or is none any more.</param>
/// <param name="Reason">For people.</param>
public sealed record SeatChange(NodeId Node, bool Add, string Reason);

/// <summary>
/// Who votes in group 0. Every node follows the group, so a seat costs a node nothing but the vote. A node that leaves gives its seat to one that stays,
/// the newcomer first, once it holds nothing else: without its seat it hears no news of what it should drop. A cluster that was founded with fewer than three nodes gets three seats when it has three nodes. A voter that is only away keeps its
/// seat: it would come back believing in it. Pure.
/// </summary>
public static class SeatRules
{
    /// <summary>Three survive the loss of one; more are as many as the cluster was founded with.</summary>
    public const int SeatsUsual = 3;

    /// <summary>The next change, or null.</summary>
    /// <param name="state">The agreed state.</param>
    /// <param name="voters">Who votes now.</param>
    /// <param name="away">Who does not answer.</param>
    /// <param name="holdsNothing">Has a node nothing left but its seat?</param>
    public static SeatChange? Next(
        PlacementState state, IReadOnlyCollection<NodeId> voters, ImmutableHashSet<NodeId> away, Func<NodeId, bool> holdsNothing)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(voters);
        ArgumentNullException.ThrowIfNull(away);
        ArgumentNullException.ThrowIfNull(holdsNothing);
        var leaving = voters
            .Where(node => state.FindNode(node) is not { } known || (known.Standing == NodeStanding.Leaving && holdsNothing(node)))
            .Order()
            .ToArray();
        var staying = voters.Count - leaving.Length;
        var free = state.Nodes
            .Where(node => !voters.Contains(node.Id) && node.IsOwner && !away.Contains(node.Id))
            .OrderBy(node => state.Nodes.Any(other => voters.Contains(other.Id) && other.Zone.Length > 0 && other.Zone == node.Zone) ? 1 : 0)
            .ThenBy(static node => node.Id)
            .FirstOrDefault();

        // An odd number is the usual one; an even one means that the newcomer is there and the leaver has not gone yet.
        if (leaving.Length > 0)
        {
            return free is not null && voters.Count % 2 == 1 ? new SeatChange(free.Id, Add: true, $"{leaving[0]} leaves")
                : staying > 0 ? new SeatChange(leaving[0], Add: false, $"{leaving[0]} leaves")
                : null;
        }

        return free is not null && voters.Count < SeatsUsual && state.Nodes.Count(static node => node.IsOwner) >= SeatsUsual
            ? new SeatChange(free.Id, Add: true, $"{voters.Count} voters are too few")
            : null;
    }
}
