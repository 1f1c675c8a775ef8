using KvRaft.Placement.State;

namespace KvRaft.Placement.Planning;

/// <summary>
/// The automatic rebalancing plan: shards move to where the ring places them, if no other work is pending and all nodes are healthy. Pure.
/// </summary>
public static class Balance
{
    /// <summary>Null: all shards are where the ring places them, or the cluster is not ready for a plan.</summary>
    public static Plan? Next(PlacementState state, ClusterFacts facts)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(facts);
        if (!state.IsInitialized || state.Operations.Operators.Length > 0 || state.Operations.IsHeld || !facts.Away.IsEmpty)
        {
            return null;
        }

        var plan = Planner.Make(state, [new TopologyChange(TopologyChangeKind.Rebalance)], facts).Plan;
        return plan is { IsEmpty: false, Tolerance: var tolerance } && tolerance.During >= 0 && tolerance.After >= tolerance.Before ? plan : null;
    }
}
