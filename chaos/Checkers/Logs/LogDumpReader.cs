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
        var records = new List<LogRecord>();
        while (dump.ReadLine() is { } line)
        {
            if (Entry().Match(line) is { Success: true } entry && !line.Contains("PAYLOAD UNREADABLE", StringComparison.Ordinal))
            {
                records.Add(new LogRecord(node, int.Parse(entry.Groups[1].ValueSpan, CultureInfo.InvariantCulture), Number(entry.Groups[2]), Number(entry.Groups[3]), entry.Groups[4].Value));
            }
        }

        return records;
    }

    private static long Number(Group part) => long.Parse(part.ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^ +\d+  batch \d+  g(\d+)/r\d+ #\d+  entry (\d+)@(\d+) (\w+ \d+ bytes [0-9a-f]{8})")]
    private static partial Regex Entry();
}
