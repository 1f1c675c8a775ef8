using System.Globalization;

namespace KvRaft.Chaos.Checkers;

/// <summary>
/// The history breaks its format, so no checker may judge it. This is never a verdict about the store: the harness that
/// wrote the file is at fault.
/// </summary>
public sealed class HistoryFormatException : Exception
{
    /// <param name="line">Line of the file, from 1; 0 for an event that was never in a file.</param>
    /// <param name="member">The JSON member at fault, or <c>null</c> where the whole line is.</param>
    /// <param name="reason">What is wrong, as a clause without a full stop.</param>
    public HistoryFormatException(long line, string? member, string reason)
        : base(Describe(line, member, reason))
    {
        Line = line;
        Member = member;
    }

    public long Line { get; }

    public string? Member { get; }

    private static string Describe(long line, string? member, string reason)
    {
        var place = line > 0 ? $"line {line.ToString(CultureInfo.InvariantCulture)}" : "event";
        return member is null ? $"{place}: {reason}" : $"{place}, member \"{member}\": {reason}";
    }
}
