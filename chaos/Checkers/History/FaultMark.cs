namespace KvRaft.Chaos.Checkers;

/// <summary>
/// A mark of the nemesis. Its text is <c>fault detail</c> at the start of a fault (<c>kill n1</c>, <c>partition-halves n1,n2|n3</c>), <c>complete
/// fault detail</c> when the fault is complete (a partition of many directions takes some time), and <c>heal fault detail</c> at its end; <c>heal</c>
/// alone ends every fault, and <c>heal fault</c> every fault of that name.
/// </summary>
/// <param name="Index">Index of the event.</param>
/// <param name="TimeNanoseconds">Nanoseconds since the start of the run.</param>
/// <param name="Fault">The first word of the fault; empty if everything is healed.</param>
/// <param name="Detail">The target of the fault; empty if it is not given.</param>
/// <param name="IsHeal">True at the end of the fault.</param>
/// <param name="IsComplete">True if the fault is complete.</param>
public sealed record FaultMark(long Index, long TimeNanoseconds, string Fault, string Detail, bool IsHeal, bool IsComplete = false)
{
    private const string Heal = "heal";
    private const string Complete = "complete";

    /// <summary>True at the start of a fault.</summary>
    public bool IsStart => !IsHeal && !IsComplete;

    public static FaultMark Parse(long index, long timeNanoseconds, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var words = text.Split(' ', 2, StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var (heals, completes) = (words is [Heal, ..], words is [Complete, ..]);
        if (heals || completes)
        {
            words = words.Length == 1 ? [] : words[1].Split(' ', 2, StringSplitOptions.TrimEntries);
        }

        return new FaultMark(index, timeNanoseconds, words is [var fault, ..] ? fault : "", words is [_, var detail] ? detail : "", heals, completes);
    }

    public override string ToString() => string.Join(' ', new[] { IsHeal ? Heal : IsComplete ? Complete : "", Fault, Detail }.Where(word => word.Length > 0));

    /// <summary>True if this mark ends the fault that <paramref name="start"/> started.</summary>
    public bool Ends(FaultMark start)
    {
        ArgumentNullException.ThrowIfNull(start);
        return IsHeal && (Fault.Length == 0 || (Fault == start.Fault && (Detail.Length == 0 || Detail == start.Detail)));
    }
}
