using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Planning;

/// <summary>The health of a node as the leader of group 0 observes it.</summary>
public enum NodeHealthState
{
    Up,

    /// <summary>It has not answered for longer than its past answers explain.</summary>
    Suspect,

    /// <summary>It is assumed to be away: no new replica is placed on it.</summary>
    Down,

    /// <summary>It has been away for so long that its replicas are created on other nodes, if those have the capacity.</summary>
    Dead,
}

/// <summary>
/// The limits that classify the silence of a node. The reaction to a down or dead node copies data or waits for an operator, so people configure
/// these times; suspicion only delays work that can wait.
/// </summary>
public sealed record HealthLimits
{
    /// <summary>
    /// The limit of phi, from a failure detector that learns how regularly the node answers (<see cref="Raft.HeartbeatDetector"/>). The normal
    /// interval differs between machines, and a false suspicion costs little.
    /// </summary>
    public double SuspicionMax { get; init; } = Raft.HeartbeatDetector.SuspicionMax;

    /// <summary>A process that restarts answers sooner.</summary>
    public TimeSpan DownAfter { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A machine that reboots is back sooner; zero: never.</summary>
    public TimeSpan DeadAfter { get; init; } = TimeSpan.FromMinutes(10);
}

/// <summary>Classifies the silence of a node, and decides when to replace it. Pure.</summary>
public static class NodeHealth
{
    /// <param name="silence">The time since its last answer.</param>
    /// <param name="suspicion">Phi; see <see cref="HealthLimits.SuspicionMax"/>.</param>
    /// <param name="limits">The limits of each state.</param>
    public static NodeHealthState Of(TimeSpan silence, double suspicion, HealthLimits limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        return limits.DeadAfter > TimeSpan.Zero && silence >= limits.DeadAfter ? NodeHealthState.Dead
            : silence >= limits.DownAfter ? NodeHealthState.Down
            : suspicion >= limits.SuspicionMax ? NodeHealthState.Suspect
            : NodeHealthState.Up;
    }

    /// <summary>
    /// The plan that creates the replicas of a dead node on other nodes. Null if there is no dead node, or if the plan must wait: other work is under
    /// way, the remaining nodes that answer cannot hold all replicas, or a shard has no majority to copy from.
    /// </summary>
    public static Plan? Replacement(PlacementState state, IReadOnlyDictionary<NodeId, NodeHealthState> health, ClusterFacts facts)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(health);
        ArgumentNullException.ThrowIfNull(facts);
        if (state.Map is not { } map || state.Operations.Operators.Length > 0 || state.Operations.IsHeld)
        {
            return null;
        }

        var dead = state.Nodes.FirstOrDefault(node =>
            node.IsOwner && health.GetValueOrDefault(node.Id, NodeHealthState.Up) == NodeHealthState.Dead && map.ShardsOn(node.Id).Any());
        if (dead is null || state.Nodes.Count(node => node.IsOwner && !facts.Away.Contains(node.Id)) < map.ReplicationFactor)
        {
            return null;
        }

        var plan = Planner.Make(state, [new TopologyChange(TopologyChangeKind.SetAside, dead.Id)], facts).Plan;
        return plan is { Tolerance: { Before: >= 0, During: >= 0 } tolerance } && tolerance.After >= tolerance.Before
            && plan.Moves.All(move => !facts.Away.Contains(move.To))
                ? plan
                : null;
    }
}
