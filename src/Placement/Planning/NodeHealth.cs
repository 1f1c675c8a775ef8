using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Planning;

/// <summary>How a node is, as the leader of group 0 hears it.</summary>
public enum NodeHealthState
{
    Up,

    /// <summary>It has been silent for longer than it ever is.</summary>
    Suspect,

    /// <summary>It is taken for away: nothing new is given to it.</summary>
    Down,

    /// <summary>It was away for so long that its replicas are made elsewhere, if the others can hold them.</summary>
    Dead,
}

/// <summary>
/// What a silence means. What is done about a node that is down or dead copies data or waits for somebody, so people set the time; suspicion only holds up what
/// can wait.
/// </summary>
public sealed record HealthLimits
{
    /// <summary>
    /// How strange a silence may be, as phi of a detector that learns how the node answers (<see cref="Raft.HeartbeatDetector"/>): what is strange differs
    /// from machine to machine, and costs little to be wrong about.
    /// </summary>
    public double SuspicionMax { get; init; } = Raft.HeartbeatDetector.SuspicionMax;

    /// <summary>A process that was started again answers before.</summary>
    public TimeSpan DownAfter { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A machine that reboots is back before; zero: never.</summary>
    public TimeSpan DeadAfter { get; init; } = TimeSpan.FromMinutes(10);
}

/// <summary>What silence means, and when it is time to act on it. Pure.</summary>
public static class NodeHealth
{
    /// <param name="silence">Since it last answered.</param>
    /// <param name="suspicion">Phi; see <see cref="HealthLimits.SuspicionMax"/>.</param>
    /// <param name="limits">What they mean.</param>
    public static NodeHealthState Of(TimeSpan silence, double suspicion, HealthLimits limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        return limits.DeadAfter > TimeSpan.Zero && silence >= limits.DeadAfter ? NodeHealthState.Dead
            : silence >= limits.DownAfter ? NodeHealthState.Down
            : suspicion >= limits.SuspicionMax ? NodeHealthState.Suspect
            : NodeHealthState.Up;
    }

    /// <summary>
    /// The plan that makes a dead node's replicas elsewhere; null if there is no such node, or it is not the time: other work is under way, or the nodes
    /// that are left and answer could not hold all replicas, or a shard has no majority to copy from.
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
