using KvRaft.Placement.Planning;
using KvRaft.Placement.State;
using KvRaft.V1;
using KeyspaceMode = KvRaft.Topology.KeyspaceMode;

namespace KvRaft.Node.Control;

/// <summary>
/// May a node that leaves be gone, as far as eventual keys are concerned? It may be the only one to have a value: one that was acknowledged by it alone, or
/// that it keeps for somebody who was away. So it goes when it says, under the plan in force, that nothing is left with it; and since it takes nothing any
/// more, that stays true. One that is dead says nothing any more; it is not waited for. Pure.
/// </summary>
internal static class EventualDeparture
{
    /// <summary>Null if nothing keeps it.</summary>
    public static string? WhyNot(PlacementState state, NodeReport? report) =>
        state.Keyspaces.All(static keyspace => keyspace.Mode != KeyspaceMode.Eventual) ? null
        : report is null or { Health: NodeHealthState.Up, Status: null } ? "it was not heard yet"
        : report.Health == NodeHealthState.Dead ? null
        : report.Health != NodeHealthState.Up
            ? "it does not answer, and may be the only one to keep some value of an eventual keyspace; it is waited for until it is dead (timings.nodeDeadAfterMs)"
        : report.Status is not { State: NodeState.Leaving, Eventual: { } left } || left.Plan != state.Operations.NextPlan ? "it has not heard yet that it leaves"
        : left is { ArcsToHandOver: 0, Hints: 0 } ? null
        : $"it hands over eventual keys: {Count(left.ArcsToHandOver, "arc")} and {Count(left.Hints, "hint")} left{(left.Note.Length > 0 ? $" ({left.Note})" : "")}";

    private static string Count(long count, string what) => FormattableString.Invariant($"{count} {what}{(count == 1 ? "" : "s")}");
}
