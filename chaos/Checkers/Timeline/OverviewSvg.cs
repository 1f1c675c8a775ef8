using System.Globalization;
using System.Net;
using System.Text;

namespace KvRaft.Chaos.Checkers;

/// <summary>An overview of the whole run by time: operations that ended per window, answered and not, under the faults.</summary>
internal static class OverviewSvg
{
    // Pixels.
    private const double Width = 1100;
    private const double BarsHeight = 64;
    private const double FaultRowHeight = 15;
    private const double AxisHeight = 18;

    private const int WindowsMin = 20;
    private const int WindowsMax = 220;

    // With fewer operations per window the height is noise.
    private const int OperationsPerWindow = 4;
    private const int TicksMax = 10;
    private const long NanosecondsPerTick = 100;
    private const double NanosecondsPerMillisecond = 1e6;
    private const double NanosecondsPerSecond = 1e9;

    public static string Draw(History history)
    {
        var end = Math.Max(1, history.EndNanoseconds);
        var count = Math.Clamp(history.Operations.Count / OperationsPerWindow, WindowsMin, WindowsMax);
        var window = TimeSpan.FromTicks((end / NanosecondsPerTick / count) + 1);
        var windows = AvailabilityChecker.Measure(history, new AvailabilityOptions { Window = window }).Windows;
        var faults = FaultSpan.Of(history.Marks);
        var rows = Rows(faults);
        var top = (rows.Count == 0 ? 0 : rows.Max() + 1) * FaultRowHeight;
        var height = top + BarsHeight + AxisHeight;
        var svg = new StringBuilder();
        svg.Append(Text($"<svg class=\"overview\" viewBox=\"0 0 {Width} {height}\" role=\"img\" aria-label=\"operations per window of time\">\n"));
        for (var place = 0; place < faults.Count; place++)
        {
            DrawFault(svg, faults[place], rows[place] * FaultRowHeight, top + BarsHeight, end);
        }

        DrawWindows(svg, windows, window, top, end);
        DrawAxis(svg, end, top + BarsHeight);
        return svg.Append("</svg>\n").ToString();
    }

    private static void DrawFault(StringBuilder svg, FaultSpan fault, double row, double bottom, long end)
    {
        var from = fault.Start.TimeNanoseconds * Width / end;
        var to = (fault.Heal?.TimeNanoseconds ?? end) * Width / end;
        svg.Append(Text($"<svg class=\"fault\" x=\"{from:0.0}\" y=\"{row:0}\" width=\"{Math.Max(3, to - from):0.0}\" height=\"{bottom - row:0}\"><title>{WebUtility.HtmlEncode(fault.Start.ToString())}</title><rect width=\"100%\" height=\"100%\"/><text x=\"4\" y=\"11\">{WebUtility.HtmlEncode(fault.Start.ToString())}</text></svg>\n"));
    }

    private static void DrawWindows(StringBuilder svg, IReadOnlyList<AvailabilityWindow> windows, TimeSpan length, double top, long end)
    {
        var most = windows.Select(window => window.Ended).DefaultIfEmpty(0).Max();
        var width = length.Ticks * NanosecondsPerTick * Width / end;
        foreach (var window in windows.Where(window => window.Ended > 0))
        {
            var x = window.StartNanoseconds * Width / end;
            var answered = window.Answered * BarsHeight / most;
            var unanswered = (window.Ended - window.Answered) * BarsHeight / most;
            var bottom = top + BarsHeight;
            svg.Append(Text($"<g><title>{OperationText.Milliseconds(window.StartNanoseconds)}: {window.Answered} of {window.Ended} answered</title>"));
            svg.Append(Text($"<rect class=\"answered\" x=\"{x:0.0}\" y=\"{bottom - answered:0.0}\" width=\"{Math.Max(1, width - 0.6):0.0}\" height=\"{answered:0.0}\"/>"));
            svg.Append(Text($"<rect class=\"unanswered\" x=\"{x:0.0}\" y=\"{bottom - answered - unanswered:0.0}\" width=\"{Math.Max(1, width - 0.6):0.0}\" height=\"{unanswered:0.0}\"/></g>\n"));
        }
    }

    private static void DrawAxis(StringBuilder svg, long end, double y)
    {
        svg.Append(Text($"<line class=\"axis\" x1=\"0\" y1=\"{y:0.0}\" x2=\"{Width}\" y2=\"{y:0.0}\"/>"));
        var (unit, perUnit) = end < NanosecondsPerSecond ? ("ms", NanosecondsPerMillisecond) : ("s", NanosecondsPerSecond);
        var length = end / perUnit;
        var step = NiceStep(length / TicksMax);
        for (var at = 0.0; at <= length; at += step)
        {
            var anchor = at * Width / length > Width - 30 ? "end" : at == 0 ? "start" : "middle";
            svg.Append(Text($"<text class=\"tick\" text-anchor=\"{anchor}\" x=\"{at * Width / length:0.0}\" y=\"{y + 13:0.0}\">{at:0.######} {unit}</text>"));
        }

        svg.Append('\n');
    }

    /// <summary>The smallest of 1, 2, 5 times a power of ten that is at least <paramref name="least"/>.</summary>
    private static double NiceStep(double least)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(least)));
        return new[] { 1, 2, 5, 10 }.Select(factor => factor * power).First(step => step >= least * 0.999);
    }

    private static List<int> Rows(IReadOnlyList<FaultSpan> faults)
    {
        var rows = new List<int>();
        var busyUntil = new List<long>();
        foreach (var fault in faults)
        {
            var row = busyUntil.FindIndex(until => until <= fault.Start.Index);
            if (row < 0)
            {
                row = busyUntil.Count;
                busyUntil.Add(0);
            }

            busyUntil[row] = fault.Heal?.Index ?? long.MaxValue;
            rows.Add(row);
        }

        return rows;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
