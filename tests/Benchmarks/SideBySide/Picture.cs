using System.Globalization;
using System.Text;
using KvRaft.Benchmarks.Cells;

namespace KvRaft.Benchmarks.SideBySide;

/// <summary>
/// Throughput and p99 over clients as an SVG: a row for each kind of operation and size, a line for each system. Both scales are logarithmic, because
/// both ranges are: a constant factor is a constant distance.
/// </summary>
internal static class Picture
{
    private const int PanelWidth = 340;
    private const int PanelHeight = 190;
    private const int MarginLeft = 64;
    private const int MarginTop = 46;
    private const int MarginBottom = 34;
    private const int MarginRight = 24;
    private const int LegendHeight = 34;

    /// <summary>Distinguishable in print and by colour-blind people (Okabe and Ito).</summary>
    private static readonly string[] Colours = ["#d55e00", "#0072b2", "#009e73", "#cc79a7"];

    private static readonly (string Title, Func<CellResult, double> Figure)[] Panels =
    [
        ("operations per second", static cell => cell.Throughput),
        ("p99, ms", static cell => cell.P99Ms),
    ];

    public static string Of(IReadOnlyList<CellResult> cells)
    {
        var closed = cells.Where(static cell => cell.ArrivalsPerSecond == 0).ToArray();
        var rows = closed.GroupBy(static cell => $"{cell.Operation}, {cell.ValueBytes} B").ToArray();
        var systems = closed.Select(static cell => cell.System).Distinct().ToArray();
        var width = Panels.Length * (MarginLeft + PanelWidth + MarginRight);
        var height = LegendHeight + (rows.Length * (MarginTop + PanelHeight + MarginBottom));
        var svg = new StringBuilder();
        svg.Append(Text($"""<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">""")).Append('\n');
        svg.Append("""<rect width="100%" height="100%" fill="#ffffff"/>""").Append('\n');
        for (var i = 0; i < systems.Length; i++)
        {
            svg.Append(Text($"""<text x="{MarginLeft + (i * 140)}" y="22" fill="{Colours[i % Colours.Length]}" font-weight="bold">● {systems[i]}</text>""")).Append('\n');
        }

        for (var row = 0; row < rows.Length; row++)
        {
            for (var panel = 0; panel < Panels.Length; panel++)
            {
                var left = (panel * (MarginLeft + PanelWidth + MarginRight)) + MarginLeft;
                var top = LegendHeight + (row * (MarginTop + PanelHeight + MarginBottom)) + MarginTop;
                Draw(svg, left, top, rows[row].Key, Panels[panel].Title, [.. rows[row]], systems, Panels[panel].Figure);
            }
        }

        return svg.Append("</svg>\n").ToString();
    }

    /// <summary>The position of a value: 0 at the bottom of the scale, 1 at its top.</summary>
    internal static double Height(double value, double bottom, double top) => Math.Log(value / bottom) / Math.Log(top / bottom);

    private static void Draw(
        StringBuilder svg, int left, int top, string row, string title, CellResult[] cells, string[] systems, Func<CellResult, double> figure)
    {
        var positive = cells.Select(figure).Where(static value => value > 0).DefaultIfEmpty(1).ToArray();
        var (bottom, ceiling) = (Power(positive.Min(), Math.Floor), Power(positive.Max(), Math.Ceiling));
        ceiling = Math.Max(ceiling, bottom * 10);
        var counts = cells.Select(static cell => cell.Clients).Distinct().Order().ToArray();
        svg.Append(Text($"""<text x="{left}" y="{top - 12}">{row}: {title}</text>""")).Append('\n');
        for (var value = bottom; value <= ceiling * 1.001; value *= 10)
        {
            var y = Y(value);
            svg.Append(Text($"""<line x1="{left}" x2="{left + PanelWidth}" y1="{y:0.0}" y2="{y:0.0}" stroke="#dddddd"/>"""));
            svg.Append(Text($"""<text x="{left - 6}" y="{y + 4:0.0}" text-anchor="end">{value:#,0.##}</text>""")).Append('\n');
        }

        foreach (var count in counts)
        {
            svg.Append(Text($"""<text x="{X(count):0.0}" y="{top + PanelHeight + 18}" text-anchor="middle">{count}</text>"""));
        }

        svg.Append(Text($"""<text x="{left + PanelWidth}" y="{top + PanelHeight + 32}" text-anchor="end" fill="#666666">clients</text>""")).Append('\n');
        for (var i = 0; i < systems.Length; i++)
        {
            var points = cells.Where(cell => cell.System == systems[i] && figure(cell) > 0).OrderBy(static cell => cell.Clients)
                .Select(cell => Text($"{X(cell.Clients):0.0},{Y(figure(cell)):0.0}")).ToArray();
            svg.Append($"""<polyline fill="none" stroke="{Colours[i % Colours.Length]}" stroke-width="2" points="{string.Join(' ', points)}"/>""").Append('\n');
            foreach (var point in points)
            {
                var place = point.Split(',');
                svg.Append($"""<circle cx="{place[0]}" cy="{place[1]}" r="3" fill="{Colours[i % Colours.Length]}"/>""");
            }

            svg.Append('\n');
        }

        double X(int count) => counts.Length == 1 ? left + (PanelWidth / 2.0) : left + (PanelWidth * (double)Array.IndexOf(counts, count) / (counts.Length - 1));

        double Y(double value) => top + (PanelHeight * (1 - Height(value, bottom, ceiling)));
    }

    private static double Power(double value, Func<double, double> round) => Math.Pow(10, round(Math.Log10(value)));

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
