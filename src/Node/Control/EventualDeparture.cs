using KvRaft.Placement.Planning;
using KvRaft.Placement.State;
using KvRaft.V1;
using KeyspaceMode = KvRaft.Topology.KeyspaceMode;

namespace KvRaft.Node.Control;

/// <summary>
/// Whether a leaving node may be removed, as far as eventual keys are concerned. It may have the only copy of a value: one that it alone acknowledged, or
/// one that it holds for a node that was away. So it is removed when it reports, under the plan in force, that it holds nothing. It accepts nothing
/// more, so that stays true. A dead node reports nothing more; the driver does not wait for it. Pure.
/// </summary>
internal static class EventualDeparture
{
    /// <summary>Null if nothing prevents it; otherwise the reason.</summary>
    public static string? WhyNot(PlacementState state, NodeReport? report) =>
        state.Keyspaces.All(static keyspace => keyspace.Mode != KeyspaceMode.Eventual) ? null
        : report is null or { Health: NodeHealthState.Up, Status: null } ? "it has not answered yet"
        : report.Health == NodeHealthState.Dead ? null
        : report.Health != NodeHealthState.Up
            ? "it does not answer, and may have the only copy of a value of an eventual keyspace; the removal waits until it is dead (timings.nodeDeadAfterMs)"
        : report.Status is not { State: NodeState.Leaving, Eventual: { } left } || left.Plan != state.Operations.NextPlan ? "it has not received yet that it leaves"
        : left is { TokenRangesToHandOver: 0, Hints: 0 } ? null
        : $"it hands over eventual keys: {Count(left.TokenRangesToHandOver, "token range")} and {Count(left.Hints, "hint")} left{(left.Note.Length > 0 ? $" ({left.Note})" : "")}";

    private static string Count(long count, string what) => FormattableString.Invariant($"{count} {what}{(count == 1 ? "" : "s")}");
}
