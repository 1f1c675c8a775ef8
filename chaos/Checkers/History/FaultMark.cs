namespace KvRaft.Chaos.Checkers;

/// <summary>
/// A mark of the nemesis. Its text is <c>fault detail</c> where a fault begins (<c>kill n1</c>,
/// <c>partition-halves n1,n2|n3</c>), <c>complete fault detail</c> where all of it has been done (a cut of many directions takes a while), and
/// <c>heal fault detail</c> where it ends; <c>heal</c> alone ends every fault, and <c>heal fault</c> every fault of that name.
/// </summary>
/// <param name="Index">Index of the event.</param>
/// <param name="TimeNanoseconds">Nanoseconds since the start of the run.</param>
/// <param name="Fault">The first word of the fault; empty when everything is healed.</param>
/// <param name="Detail">What it hit; empty when that is not said.</param>
/// <param name="IsHeal">True where the fault ends.</param>
/// <param name="IsComplete">True where all of it has been done.</param>
public sealed record FaultMark(long Index, long TimeNanoseconds, string Fault, string Detail, bool IsHeal, bool IsComplete = false)
{
    private const string Heal = "heal";
    private const string Complete = "complete";

    /// <summary>True where a fault begins.</summary>
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

    /// <summary>True when this mark ends the fault that <paramref name="start"/> began.</summary>
    public bool Ends(FaultMark start)
    {
        ArgumentNullException.ThrowIfNull(start);
        return IsHeal && (Fault.Length == 0 || (Fault == start.Fault && (Detail.Length == 0 || Detail == start.Detail)));
    }
}
