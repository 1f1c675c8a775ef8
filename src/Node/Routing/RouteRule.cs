using System.Collections.Immutable;
using KvRaft.Topology;

namespace KvRaft.Node.Routing;

/// <summary>What to do next with a request for a shard.</summary>
internal enum RouteStep
{
    /// <summary>The leader's replica is here.</summary>
    RunHere,

    /// <summary>Send it to another node.</summary>
    Forward,

    /// <summary>The caller wants to hear where the leader is instead of being forwarded.</summary>
    RefuseWithHint,

    /// <summary>Nobody is known to lead: wait for news, then decide again.</summary>
    Wait,
}

/// <summary>Where a shard is, as this node knows it at one moment.</summary>
/// <param name="Self">This node.</param>
/// <param name="LeadsHere">The replica on this node leads.</param>
/// <param name="HasReplicaHere">
/// This node has a replica, leading or not. One that was started and has not applied again what it had applied does not count: it answers no read, and the others may.
/// </param>
/// <param name="Leader">Who leads according to the replica here, or to what other nodes answered; null if nobody is known.</param>
/// <param name="Replicas">Where the shard map puts the replicas, in the order of preference.</param>
internal readonly record struct ShardSight(
    NodeId Self, bool LeadsHere, bool HasReplicaHere, NodeId? Leader, ImmutableArray<Replica> Replicas);

/// <summary>
/// The decisions of routing, as functions of values.
/// <para>
/// A request is sent on at most once: the node that forwards asks the other not to, and follows the hint in its refusal itself.
/// So a request cannot travel in circles, deadlines are kept in one place, and the node the client talks to is the only one that
/// retries. After <see cref="HopsMax"/> refusals in a row it waits for news instead of chasing hints around.
/// </para>
/// </summary>
internal static class RouteRule
{
    /// <summary>Hints followed at once: one may be stale, two in a row mean that the leadership is on the move.</summary>
    public const int HopsMax = 2;

    /// <summary>The next step, and the node if it is <see cref="RouteStep.Forward"/>.</summary>
    /// <param name="sight">What is known.</param>
    /// <param name="noForward">The caller's wish.</param>
    /// <param name="refusals">How many nodes in a row could not answer since the last <see cref="RouteStep.Wait"/>.</param>
    /// <param name="forwards">How often it was forwarded in all.</param>
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

        // Without a replica here nobody tells us who leads; a node that has one knows, so ask them in turn.
        return sight.HasReplicaHere || sight.Replicas.IsDefaultOrEmpty
            ? (RouteStep.Wait, default)
            : (RouteStep.Forward, sight.Replicas[forwards % sight.Replicas.Length].Node);
    }
}
