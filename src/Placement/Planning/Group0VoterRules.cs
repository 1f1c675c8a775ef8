using System.Collections.Immutable;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Planning;

/// <summary>A change of the voters of group 0: one voter is added or removed.</summary>
/// <param name="Node">The node of the replica.</param>
/// <param name="Add">True: the replica becomes a voter. False: it stops being one.</param>
/// <param name="Reason">For people.</param>
public sealed record Group0VoterChange(NodeId Node, bool Add, string Reason);

/// <summary>
/// Decides which nodes vote in group 0. Every node follows the group, so a voter costs its node only the vote. If a voter is decommissioned, a
/// remaining node takes its place; the new voter is added first, and the old one is removed after its node holds nothing else, because a node that
/// does not vote receives no information about the replicas it should drop. A cluster that was initialized with fewer than three nodes gets three
/// voters when it has three nodes. A voter that is only away remains a voter: after its return it would still assume that it is one. Pure.
/// </summary>
public static class Group0VoterRules
{
    /// <summary>Three voters tolerate the loss of one. There are more only if the cluster was initialized with more.</summary>
    public const int Group0VotersUsual = 3;

    /// <summary>The next change, or null.</summary>
    /// <param name="state">The agreed state.</param>
    /// <param name="voters">The current voters.</param>
    /// <param name="away">The nodes that do not answer.</param>
    /// <param name="holdsNothing">Returns true if a node holds nothing except its replica of group 0.</param>
    public static Group0VoterChange? Next(
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

        // The usual number is odd. An even number means that the new voter was added and the leaving voter is not removed yet.
        if (leaving.Length > 0)
        {
            return free is not null && voters.Count % 2 == 1 ? new Group0VoterChange(free.Id, Add: true, $"{leaving[0]} leaves")
                : staying > 0 ? new Group0VoterChange(leaving[0], Add: false, $"{leaving[0]} leaves")
                : null;
        }

        return free is not null && voters.Count < Group0VotersUsual && state.Nodes.Count(static node => node.IsOwner) >= Group0VotersUsual
            ? new Group0VoterChange(free.Id, Add: true, $"{voters.Count} voters are too few")
            : null;
    }
}
