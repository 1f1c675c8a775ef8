namespace KvRaft.Chaos.Checkers;

/// <summary>The effect of an operation, as known after its last event.</summary>
public enum OperationOutcome
{
    /// <summary>It took effect.</summary>
    Ok,

    /// <summary>It had no effect and will have none.</summary>
    Failed,

    /// <summary>It may take effect at any time after its invocation, or never. Also called open.</summary>
    Unknown,
}

/// <summary>An invocation with its completion; <c>null</c> if the file ends before it, which counts as info.</summary>
public sealed record Operation(HistoryEvent Invocation, HistoryEvent? Completion)
{
    /// <summary>The index of a completion that never comes, after every event.</summary>
    public const long Never = long.MaxValue;

    public int Process => Invocation.Process;

    public string Function => Invocation.Function;

    public string? Key => Invocation.Key;

    public OperationOutcome Outcome => Completion?.Type switch
    {
        EventType.Ok => OperationOutcome.Ok,
        EventType.Fail => OperationOutcome.Failed,
        _ => OperationOutcome.Unknown,
    };

    public bool IsOk => Outcome == OperationOutcome.Ok;

    /// <summary>It took effect, or may take effect later: everything except <see cref="OperationOutcome.Failed"/>.</summary>
    public bool MayTakeEffect => Outcome != OperationOutcome.Failed;

    /// <summary>A cas that was refused because of another state: a fail, but also an observation.</summary>
    public bool IsCompareMismatch =>
        Outcome == OperationOutcome.Failed
        && Function == Functions.CompareAndSet
        && Completion!.Error == ErrorCodes.CompareMismatch;

    public bool IsLinearizableLevel => Invocation.Level is null or "linearizable";

    /// <summary>The argument of the invocation.</summary>
    public HistoryValue Argument => Invocation.Value;

    /// <summary>The result of the completion.</summary>
    public HistoryValue Result => Completion?.Value ?? HistoryValue.Missing;

    public string? Error => Completion?.Error;

    public long InvokedIndex => Invocation.Index;

    /// <summary>The index after which the operation can no longer take effect; <see cref="Never"/> if open.</summary>
    public long CompletedIndex => Outcome == OperationOutcome.Unknown ? Never : Completion!.Index;

    public long InvokedNanoseconds => Invocation.TimeNanoseconds;

    /// <summary>Time of the completion in nanoseconds; <see cref="Never"/> if open.</summary>
    public long CompletedNanoseconds => Outcome == OperationOutcome.Unknown ? Never : Completion!.TimeNanoseconds;

    /// <summary>True if this operation ended before <paramref name="other"/> started.</summary>
    public bool Precedes(Operation other) => CompletedIndex < other.InvokedIndex;
}
