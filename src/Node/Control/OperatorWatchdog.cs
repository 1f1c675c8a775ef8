using System.Diagnostics.Metrics;
using KvRaft.Node.Options;
using KvRaft.Node.Telemetry;
using KvRaft.Placement.Planning;
using KvRaft.Placement.State;
using KvRaft.V1;

namespace KvRaft.Node.Control;

/// <summary>
/// On the leader of group 0: watches running operators that make no progress (<see cref="OperatorWatch"/>), reports each once in the log, and as text in
/// their list; <c>kvraft.placement.operators.stalled</c> counts them. It ends none: a person repairs the cause, or cancels the operator. One loop makes the checks;
/// any thread may query the results.
/// </summary>
internal sealed class OperatorWatchdog
{
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly HashSet<long> _told = [];
    private volatile OperatorWatch _watch = OperatorWatch.Empty;

    public OperatorWatchdog(NodeOptions options, NodeMeter node, TimeProvider time, ILogger<OperatorWatchdog> logger)
    {
        _time = time;
        _logger = logger;
        node.Meter.CreateObservableUpDownCounter(
            "kvraft.placement.operators.stalled",
            () => new Measurement<long>(_watch.Stalled(Now).Count(), new KeyValuePair<string, object?>("kvraft.node.id", options.NodeId.Value)),
            "{operator}",
            "On the leader of group 0: moves that run and have made no progress for a minute.");
    }

    private TimeSpan Now => _time.GetElapsedTime(0);

    /// <summary>How long nothing about a running operator has changed.</summary>
    public TimeSpan Still(long number) => _watch.Still(number, Now);

    public void Look(PlacementSight sight)
    {
        var running = sight.State.Operations.Operators.Where(one => one.IsRunning(sight.State)).ToDictionary(static one => one.Number);
        _watch = _watch.Next(running.ToDictionary(static pair => pair.Key, pair => Mark(pair.Value, sight)), Now);
        var stalled = _watch.Stalled(Now).ToHashSet();
        foreach (var number in stalled.Where(_told.Add))
        {
            _logger.OperatorStalled(running[number].ToString(), (long)Still(number).TotalSeconds, NoteOf(running[number], sight));
        }

        _told.IntersectWith(stalled);
    }

    /// <summary>Another node leads, and watches them.</summary>
    public void Forget()
    {
        _watch = OperatorWatch.Empty;
        _told.Clear();
    }

    /// <summary>The shard leader's report of the move.</summary>
    public static string NoteOf(MoveOperator one, PlacementSight sight) =>
        sight.Facts.Away.Contains(one.To) ? $"{one.To} does not answer"
        : LeaderOf(one, sight) is { } leader ? leader.Move
        : $"shard {one.Shard} has no leader";

    /// <summary>The new replica, as its node reports it; null: it is not open, or its node has not reported it.</summary>
    public static GroupStatus? ComingOf(MoveOperator one, PlacementSight sight) => sight.State.MoveOf(one.Shard) is { } move
        ? sight.Reports.GetValueOrDefault(one.To)?.Status?.Groups.FirstOrDefault(group => group.Shard == one.Shard.Value && group.Incarnation == move.To.Incarnation)
        : null;

    private static GroupStatus? LeaderOf(MoveOperator one, PlacementSight sight) => sight.Reports
        .Where(pair => !sight.Facts.Away.Contains(pair.Key))
        .SelectMany(static pair => pair.Value.Status?.Groups ?? [])
        .Where(group => group.Shard == one.Shard.Value && group.Role == ReplicaRole.Leader)
        .MaxBy(static group => group.Term);

    // Writes of clients are no progress, so indices are not part of it; the note has the number of entries that it lacks.
    private static string Mark(MoveOperator one, PlacementSight sight) =>
        $"{ComingOf(one, sight)?.State} {ComingOf(one, sight)?.CopiedBytes} {string.Join(',', LeaderOf(one, sight)?.Voters ?? [])} {NoteOf(one, sight)} {sight.State.MoveOf(one.Shard)!.IsCancelling}";
}
