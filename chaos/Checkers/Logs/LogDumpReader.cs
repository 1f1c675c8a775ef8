using System.Globalization;
using System.Text.RegularExpressions;

namespace KvRaft.Chaos.Checkers;

/// <summary>Reads entries from the output of <c>kvraft log dump</c>, in the order of writing.</summary>
public static partial class LogDumpReader
{
    /// <summary>Lines that are not entries are skipped: the dump is mainly for people.</summary>
    public static IReadOnlyList<LogRecord> Read(string node, TextReader dump)
    {
        ArgumentNullException.ThrowIfNull(dump);
        var records = new List<(string Replica, LogRecord Record)>();
        while (dump.ReadLine() is { } line)
        {
            if (Discard().Match(line) is { Success: true } discard)
            {
                // A log that begins anew keeps none of its entries, whatever their index.
                var keptTo = discard.Groups[2].ValueSpan is "Truncated" ? Number(discard.Groups[3]) : -1;
                for (var i = 0; i < records.Count; i++)
                {
                    var (replica, record) = records[i];
                    if (replica == discard.Groups[1].Value && record.Index > keptTo)
                    {
                        records[i] = (replica, record with { IsDiscarded = true });
                    }
                }
            }
            else if (Entry().Match(line) is { Success: true } entry && !line.Contains("PAYLOAD UNREADABLE", StringComparison.Ordinal))
            {
                records.Add((
                    entry.Groups[1].Value,
                    new LogRecord(node, int.Parse(entry.Groups[2].ValueSpan, CultureInfo.InvariantCulture), Number(entry.Groups[3]), Number(entry.Groups[4]), entry.Groups[5].Value)));
            }
        }

        return [.. records.Select(static each => each.Record)];
    }

    private static long Number(Group part) => long.Parse(part.ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^ +\d+  batch \d+  (g(\d+)/r\d+) #\d+  entry (\d+)@(\d+) (\w+ \d+ bytes [0-9a-f]{8})")]
    private static partial Regex Entry();

    [GeneratedRegex(@"^ +\d+  batch \d+  (g\d+/r\d+) #\d+  state \((Truncated|Reset)\) .*, last (\d+)@\d+")]
    private static partial Regex Discard();
}
