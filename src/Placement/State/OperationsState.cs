using System.Collections.Immutable;
using KvRaft.Topology;

namespace KvRaft.Placement.State;

/// <summary>
/// Placement work as agreed by group 0: the changes staged for the next plan, the waiting and running operators, and the history of those that ended.
/// A new leader of group 0 continues from this state; no other record exists.
/// </summary>
public sealed record OperationsState
{
    public static readonly OperationsState Empty = new();

    /// <summary>The changes that the next plan will contain.</summary>
    public ImmutableArray<TopologyChange> Staged { get; init; } = [];

    /// <summary>Ordered by number. An operator runs if the current move of its shard is its own; otherwise it waits.</summary>
    public ImmutableArray<MoveOperator> Operators { get; init; } = [];

    /// <summary>The last operators that ended, oldest first; at most <see cref="PlacementLimits.HistoryMax"/>.</summary>
    public ImmutableArray<EndedOperator> History { get; init; } = [];

    /// <summary>The number of the next operator; higher than every number used so far.</summary>
    public long NextOperator { get; init; } = 1;

    /// <summary>The number of the next plan.</summary>
    public long NextPlan { get; init; } = 1;

    /// <summary>No waiting operator starts.</summary>
    public bool IsHeld { get; init; }

    /// <summary>The settings of the placement driver.</summary>
    public PlacementSettings Settings { get; init; } = PlacementSettings.Default;

    public MoveOperator? Find(long number) => Operators.FirstOrDefault(each => each.Number == number);

    public MoveOperator? Of(ShardId shard, NodeId from, NodeId to) =>
        Operators.FirstOrDefault(each => each.Shard == shard && each.From == from && each.To == to);

    public bool Equals(OperationsState? other) =>
        other is not null && NextOperator == other.NextOperator && NextPlan == other.NextPlan && IsHeld == other.IsHeld
        && Settings == other.Settings
        && Staged.AsSpan().SequenceEqual(other.Staged.AsSpan()) && Operators.AsSpan().SequenceEqual(other.Operators.AsSpan())
        && History.AsSpan().SequenceEqual(other.History.AsSpan());

    public override int GetHashCode() => NextOperator.GetHashCode();

    internal OperationsState With(ShardId shard, NodeId from, NodeId to, string cause, long plan, long atMs) => this with
    {
        Operators = Operators.Add(new MoveOperator(NextOperator, plan, shard, from, to, cause, IsHeld: false, atMs)),
        NextOperator = NextOperator + 1,
    };

    /// <param name="one">The operator.</param>
    /// <param name="end">How it ended.</param>
    /// <param name="note">The reason, for people.</param>
    /// <param name="atMs">The time, Unix milliseconds.</param>
    /// <param name="epoch">The epoch that contains the end.</param>
    internal OperationsState Ended(MoveOperator one, OperatorEnd end, string note, long atMs, Epoch epoch)
    {
        var history = History.Add(new EndedOperator(one, end, note, atMs, epoch));
        return this with
        {
            Operators = Operators.Remove(one),
            History = history.Length > PlacementLimits.HistoryMax ? history.RemoveRange(0, history.Length - PlacementLimits.HistoryMax) : history,
        };
    }
}

/// <summary>One desired move and its reason. It runs once the <see cref="ShardMove"/> of its shard is its own.</summary>
/// <param name="Number">Its number; never reused.</param>
/// <param name="Plan">The plan it belongs to; 0: it was requested directly.</param>
/// <param name="Shard">The shard.</param>
/// <param name="From">The node that loses the replica.</param>
/// <param name="To">The node that receives one.</param>
/// <param name="Cause">The reason, for people.</param>
/// <param name="IsHeld">It waits until it is resumed.</param>
/// <param name="AtMs">The time of the commit by the proposer's clock, Unix milliseconds; 0: not recorded.</param>
public sealed record MoveOperator(long Number, long Plan, ShardId Shard, NodeId From, NodeId To, string Cause, bool IsHeld, long AtMs)
{
    public bool IsRunning(PlacementState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return state.MoveOf(Shard) is { } move && move.From.Node == From && move.To.Node == To;
    }

    public override string ToString() => $"op-{Number}: shard {Shard} {From} -> {To}";
}

/// <summary>How an operator ended. The numbers are on disk.</summary>
public enum OperatorEnd : byte
{
    /// <summary>The replica was moved.</summary>
    Moved = 1,

    /// <summary>Its move ran and was reverted.</summary>
    Cancelled = 2,

    /// <summary>It never ran.</summary>
    Dropped = 3,
}

/// <summary>An entry of the history.</summary>
/// <param name="Operator">The operator.</param>
/// <param name="End">How it ended.</param>
/// <param name="Note">The reason, for people.</param>
/// <param name="AtMs">The time, Unix milliseconds; 0: not recorded.</param>
/// <param name="Epoch">The epoch that contains the end and its change of the map; 0: not recorded.</param>
public sealed record EndedOperator(MoveOperator Operator, OperatorEnd End, string Note, long AtMs, Epoch Epoch);
