using System.Globalization;

namespace KvRaft.Chaos.Checkers;

/// <summary>
/// The history violates its format, so no checker may judge it. This is never a verdict about the store: the harness that wrote the file has a fault.
/// </summary>
public sealed class HistoryFormatException : Exception
{
    /// <param name="line">Line of the file, from 1; 0 for an event that was not read from a file.</param>
    /// <param name="member">The invalid JSON member, or <c>null</c> for the whole line.</param>
    /// <param name="reason">The fault, as a clause without a full stop.</param>
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
