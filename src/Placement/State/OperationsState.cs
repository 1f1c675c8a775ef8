using System.Collections.Immutable;
using KvRaft.Topology;

namespace KvRaft.Placement.State;

/// <summary>
/// Work on the placement, as group 0 agrees on it: what is staged for the next plan, the operators that wait or run, and a record of those that
/// ended. Whoever leads group 0 goes on from here; nobody remembers anything else.
/// </summary>
public sealed record OperationsState
{
    public static readonly OperationsState Empty = new();

    /// <summary>What the next plan shall change.</summary>
    public ImmutableArray<TopologyChange> Staged { get; init; } = [];

    /// <summary>By number. One runs if the shard's move is its own, and waits otherwise.</summary>
    public ImmutableArray<MoveOperator> Operators { get; init; } = [];

    /// <summary>The last that ended, the oldest first; at most <see cref="PlacementLimits.HistoryMax"/>.</summary>
    public ImmutableArray<EndedOperator> History { get; init; } = [];

    /// <summary>What the next operator is called; above every number that was ever given.</summary>
    public long NextOperator { get; init; } = 1;

    /// <summary>What the next plan is called.</summary>
    public long NextPlan { get; init; } = 1;

    /// <summary>Nothing that waits begins.</summary>
    public bool IsHeld { get; init; }

    /// <summary>How the driver works.</summary>
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
    /// <param name="note">Why, for people.</param>
    /// <param name="atMs">When, Unix milliseconds.</param>
    /// <param name="epoch">The epoch that holds the end.</param>
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

/// <summary>One move that is wanted, and why. It runs once the shard's <see cref="ShardMove"/> is its own.</summary>
/// <param name="Number">Its name; never given twice.</param>
/// <param name="Plan">The plan it belongs to; 0: it was asked for by hand.</param>
/// <param name="Shard">The shard.</param>
/// <param name="From">Whose replica goes.</param>
/// <param name="To">Who gets one.</param>
/// <param name="Cause">Why, for people.</param>
/// <param name="IsHeld">It waits until somebody lets it go on.</param>
/// <param name="AtMs">When it was agreed on, by the proposer's clock, Unix milliseconds; 0: not told.</param>
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

    /// <summary>Its move ran and was undone.</summary>
    Cancelled = 2,

    /// <summary>It never ran.</summary>
    Dropped = 3,
}

/// <summary>A line of the record.</summary>
/// <param name="Operator">What ended.</param>
/// <param name="End">How.</param>
/// <param name="Note">Why, for people.</param>
/// <param name="AtMs">When, Unix milliseconds; 0: not told.</param>
/// <param name="Epoch">The epoch that holds the end, and what it made of the map; 0: it was not recorded then.</param>
public sealed record EndedOperator(MoveOperator Operator, OperatorEnd End, string Note, long AtMs, Epoch Epoch);
