using System.Globalization;
using System.Text.RegularExpressions;

namespace KvRaft.Integration.Tests.SystemCalls;

/// <summary>
/// Reads the output of <c>strace -f -xx</c>: one call a line, or two lines (<c>unfinished</c>, <c>resumed</c>) when another thread's call
/// came between. Strings are all hexadecimal escapes.
/// </summary>
internal static partial class StraceOutput
{
    public static IReadOnlyList<SystemCall> Read(IEnumerable<string> lines)
    {
        var calls = new List<SystemCall>();
        var open = new Dictionary<string, (int Line, string Text)>();
        var number = 0;
        foreach (var line in lines)
        {
            number++;
            var thread = Thread().Match(line);
            if (!thread.Success)
            {
                continue;
            }

            var text = line[thread.Length..];
            var begun = number;
            if (text.EndsWith("<unfinished ...>", StringComparison.Ordinal))
            {
                open[thread.Value] = (number, text[..^"<unfinished ...>".Length]);
                continue;
            }

            if (Resumed().Match(text) is { Success: true } resumed && open.Remove(thread.Value, out var first))
            {
                begun = first.Line;
                text = first.Text + text[resumed.Length..];
            }

            if (Call().Match(text) is { Success: true } call)
            {
                calls.Add(new SystemCall(
                    begun,
                    number,
                    call.Groups["name"].Value,
                    int.Parse(call.Groups["fd"].Value, CultureInfo.InvariantCulture),
                    [.. Escape().Matches(text).Select(match => byte.Parse(match.Groups[1].ValueSpan, NumberStyles.HexNumber, CultureInfo.InvariantCulture))],
                    long.Parse(call.Groups["result"].Value, CultureInfo.InvariantCulture)));
            }
        }

        return calls;
    }

    [GeneratedRegex(@"^\d+ +")]
    private static partial Regex Thread();

    [GeneratedRegex(@"^<\.\.\. \w+ resumed>")]
    private static partial Regex Resumed();

    [GeneratedRegex(@"^(?<name>\w+)\((?<fd>\d+).* = (?<result>-?\d+)")]
    private static partial Regex Call();

    [GeneratedRegex(@"\\x([0-9a-f]{2})")]
    private static partial Regex Escape();
}
