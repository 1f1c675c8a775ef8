using KvRaft.Client.Values;
using KvRaft.V1;

namespace KvRaft.Client;

/// <summary>The agreed moves, one by one.</summary>
/// <param name="IsHeld">No waiting move starts.</param>
/// <param name="Operators">By number.</param>
/// <param name="History">Newest first; empty if it was not requested.</param>
public sealed record KvOperators(long Epoch, bool IsHeld, IReadOnlyList<KvOperator> Operators, IReadOnlyList<KvOperator> History)
{
    internal static KvOperators From(ListOperatorsResponse operators) => new(
        operators.Epoch, operators.Held, [.. operators.Operators.Select(KvOperator.From)], [.. operators.History.Select(KvOperator.From)]);
}

/// <summary>An agreed move: what it waits for or does, or how it ended.</summary>
/// <param name="Plan">The plan it belongs to; null: requested by an operator.</param>
/// <param name="State">waiting, running or cancelling; in the history moved, cancelled or dropped.</param>
/// <param name="Note">What it waits for or does.</param>
/// <param name="Unchanged">Of a running move: for how long it has made no progress.</param>
public sealed record KvOperator(
    long Number,
    long? Plan,
    int Shard,
    string FromNode,
    string ToNode,
    string Cause,
    string State,
    string Note,
    DateTimeOffset? AgreedAt,
    DateTimeOffset? EndedAt,
    TimeSpan Unchanged,
    long CopiedBytes,
    long BytesToCopy)
{
    internal static KvOperator From(OperatorInfo move) => new(
        move.Number, move.Plan == 0 ? null : move.Plan, move.Shard, move.FromNode, move.ToNode, move.Cause, move.State, move.Note,
        WireValues.Instant(move.AgreedMs), WireValues.Instant(move.EndedMs), WireValues.Span(move.StillMs), move.CopiedBytes, move.CopyBytes);
}
