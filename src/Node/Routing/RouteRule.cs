using System.Collections.Immutable;
using KvRaft.Topology;

namespace KvRaft.Node.Routing;

/// <summary>The next step for a request to a shard.</summary>
internal enum RouteStep
{
    /// <summary>The leader's replica is here.</summary>
    RunHere,

    /// <summary>Send it to another node.</summary>
    Forward,

    /// <summary>The caller requested the address of the leader instead of forwarding.</summary>
    RefuseWithHint,

    /// <summary>No leader is recorded: wait for news, then decide again.</summary>
    Wait,
}

/// <summary>The location of a shard, as this node sees it at one moment.</summary>
/// <param name="Self">This node.</param>
/// <param name="LeadsHere">The replica on this node leads.</param>
/// <param name="HasReplicaHere">
/// This node has a replica, leader or not. A replica that restarted and has not yet applied again what it had applied does not count: it answers no read, and others may.
/// </param>
/// <param name="Leader">The leader according to the replica here, or to the answers of other nodes; null if none is recorded.</param>
/// <param name="Replicas">The nodes to which the shard map assigns the replicas, in the order of preference.</param>
internal readonly record struct ShardSight(
    NodeId Self, bool LeadsHere, bool HasReplicaHere, NodeId? Leader, ImmutableArray<Replica> Replicas);

/// <summary>
/// The decisions of routing, as functions of values.
/// <para>
/// A request is forwarded at most once: the forwarding node requests that the other does not forward it, and follows the hint in its refusal itself.
/// So a request cannot travel in circles, deadlines are kept in one place, and only the node that the client calls
/// retries. After <see cref="HopsMax"/> refusals in a row it waits for news instead of following further hints.
/// </para>
/// </summary>
internal static class RouteRule
{
    /// <summary>Hints followed at once: one may be stale, two in a row mean that the leadership is changing.</summary>
    public const int HopsMax = 2;

    /// <summary>The next step, and the node if it is <see cref="RouteStep.Forward"/>.</summary>
    /// <param name="sight">What this node sees.</param>
    /// <param name="noForward">The caller forbids forwarding.</param>
    /// <param name="refusals">The number of nodes in a row that could not answer since the last <see cref="RouteStep.Wait"/>.</param>
    /// <param name="forwards">The number of times it was forwarded in all.</param>
    public static (RouteStep Step, NodeId Node) Next(ShardSight sight, bool noForward, int refusals, int forwards)
    {
        if (sight.LeadsHere)
        {
            return (RouteStep.RunHere, sight.Self);
        }

        if (noForward)
        {
            return (RouteStep.RefuseWithHint, default);
        }

        if (refusals >= HopsMax)
        {
            return (RouteStep.Wait, default);
        }

        if (sight.Leader is { } leader && leader != sight.Self)
        {
            return (RouteStep.Forward, leader);
        }

        // Without a replica here this node receives no leader hints; a node that has a replica has them, so try those nodes in turn.
        return sight.HasReplicaHere || sight.Replicas.IsDefaultOrEmpty
            ? (RouteStep.Wait, default)
            : (RouteStep.Forward, sight.Replicas[forwards % sight.Replicas.Length].Node);
    }
}
