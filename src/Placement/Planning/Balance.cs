using KvRaft.Placement.State;

namespace KvRaft.Placement.Planning;

/// <summary>The plan nobody asked for: shards go where the ring wants them, when nothing else is to be done and all nodes are well. Pure.</summary>
public static class Balance
{
    /// <summary>Null: all is where it belongs, or it is not the time.</summary>
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
