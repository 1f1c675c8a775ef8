using System.Globalization;
using System.Net;
using System.Text;

namespace KvRaft.Chaos.Checkers;

/// <summary>Draws a <see cref="LaneLayout"/> as inline SVG. Positions by time are attributes for the switch of the page.</summary>
internal static class LaneSvg
{
    // Pixels.
    private const int NamesWidth = 76;
    private const int LaneHeight = 30;
    private const int BarHeight = 22;
    private const int FaultRowHeight = 16;
    private const int TailWidth = 26;

    /// <summary>For a page: the names are a separate drawing, so that they stay visible while the lanes are scrolled.</summary>
    public static string Draw(LaneLayout layout, ProofSet proof)
    {
        var svg = new StringBuilder();
        DrawNames(svg, layout);
        DrawLanes(svg, layout, proof, left: 0);
        return svg.ToString();
    }

    /// <summary>For a file: both in one self-contained picture.</summary>
    public static string Picture(LaneLayout layout, ProofSet proof)
    {
        var (width, height) = (NamesWidth + layout.Width + TailWidth, TopOf(layout) + HeightOf(layout));
        var svg = new StringBuilder();
        svg.Append(Text($"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:0}\" height=\"{height}\" viewBox=\"0 0 {width:0} {height}\">\n"));
        svg.Append(Text($"<style>\n{TimelineAssets.Style}\n</style>\n<rect width=\"100%\" height=\"100%\" style=\"fill: var(--paper)\"/>\n"));
        DrawNames(svg, layout);
        DrawLanes(svg, layout, proof, NamesWidth);
        return svg.Append("</svg>\n").ToString();
    }

    private static int TopOf(LaneLayout layout) => (FaultRows(layout.Faults).Values.DefaultIfEmpty(-1).Max() + 1) * FaultRowHeight;

    private static int HeightOf(LaneLayout layout) => (layout.Lanes.Count * LaneHeight) + 6;

    private static void DrawNames(StringBuilder svg, LaneLayout layout)
    {
        var top = TopOf(layout);
        svg.Append(Text($"<svg class=\"names\" width=\"{NamesWidth}\" height=\"{top + HeightOf(layout)}\">\n"));
        DrawStripes(svg, layout, top);
        for (var lane = 0; lane < layout.Lanes.Count; lane++)
        {
            DrawLaneLabel(svg, layout.Lanes[lane], top + (lane * LaneHeight));
        }

        svg.Append("</svg>\n");
    }

    private static void DrawLanes(StringBuilder svg, LaneLayout layout, ProofSet proof, int left)
    {
        var (rows, top) = (FaultRows(layout.Faults), TopOf(layout));
        var height = top + HeightOf(layout);
        var place = left == 0 ? "" : Text($" x=\"{left}\"");
        svg.Append(Text($"<svg class=\"lanes\"{place} width=\"{layout.Width + TailWidth:0}\" height=\"{height}\" data-span=\"{layout.Width:0}\" {TimeRange(layout)}>\n"));
        DrawStripes(svg, layout, top);

        foreach (var fault in layout.Faults)
        {
            DrawFault(svg, fault, rows[fault] * FaultRowHeight, height);
        }

        foreach (var placed in layout.Operations)
        {
            DrawOperation(svg, placed, top, proof);
        }

        svg.Append("</svg>\n");
    }

    private static void DrawStripes(StringBuilder svg, LaneLayout layout, int top)
    {
        for (var lane = 0; lane < layout.Lanes.Count; lane += 2)
        {
            svg.Append(Text($"<rect class=\"stripe\" y=\"{top + (lane * LaneHeight)}\" width=\"100%\" height=\"{LaneHeight}\"/>"));
        }

        svg.Append('\n');
    }

    private static string TimeRange(LaneLayout layout)
    {
        var from = layout.Operations.Count == 0 ? 0 : layout.Operations.Min(placed => placed.Operation.InvokedNanoseconds);
        var to = layout.Operations.Count == 0 ? 0 : layout.Operations.Max(placed => placed.Operation.Completion?.TimeNanoseconds ?? placed.Operation.InvokedNanoseconds);
        return Text($"data-from=\"{from}\" data-to=\"{to}\"");
    }

    private static void DrawLaneLabel(StringBuilder svg, string processes, int y)
    {
        var shown = processes.Length <= 10 ? processes : processes[..9] + "…";
        svg.Append(Text($"<text class=\"who\" x=\"6\" y=\"{y + 19}\">{Html(shown)}<title>{Html(processes)}</title></text>\n"));
    }

    private static void DrawFault(StringBuilder svg, PlacedFault fault, int row, int height)
    {
        var start = fault.Fault.Start;
        var healed = fault.Fault.Heal is { } heal ? OperationText.Milliseconds(heal.TimeNanoseconds) : "never healed";
        var tip = $"{start}: {OperationText.Milliseconds(start.TimeNanoseconds)} .. {healed}";
        svg.Append(Text($"<svg class=\"fault\" x=\"{fault.Begin:0.0}\" y=\"{row}\" width=\"{Math.Max(4, fault.End - fault.Begin):0.0}\" height=\"{height - row}\" data-t0=\"{start.TimeNanoseconds}\" data-t1=\"{fault.Fault.Heal?.TimeNanoseconds ?? -1}\">"));
        svg.Append(Text($"<title>{Html(tip)}</title><rect width=\"100%\" height=\"100%\"/><text x=\"4\" y=\"12\">{Html(start.ToString())}</text></svg>\n"));
    }

    private static void DrawOperation(StringBuilder svg, PlacedOperation placed, int top, ProofSet proof)
    {
        var operation = placed.Operation;
        var y = top + (placed.Lane * LaneHeight) + 4;
        var end = operation.Completion?.TimeNanoseconds ?? -1;
        svg.Append(Text($"<svg class=\"op {Classes(operation, proof)}\" x=\"{placed.Begin:0.0}\" y=\"{y}\" width=\"{placed.End - placed.Begin:0.0}\" height=\"{BarHeight}\" data-t0=\"{operation.InvokedNanoseconds}\" data-t1=\"{end}\" data-details=\"{Html(Details(operation))}\" tabindex=\"0\">"));
        svg.Append(Text($"<title>{Html(Details(operation))}</title><rect width=\"100%\" height=\"100%\" rx=\"3\"/>"));
        if (operation.Outcome == OperationOutcome.Unknown)
        {
            svg.Append("<rect class=\"open-end\" x=\"100%\" width=\"7\" height=\"100%\" transform=\"translate(-7 0)\"/>");
        }

        svg.Append(Text($"<text x=\"5\" y=\"15\">{Html(placed.Label)}</text></svg>\n"));
    }

    private static string Classes(Operation operation, ProofSet proof)
    {
        var outcome = operation.Outcome switch
        {
            OperationOutcome.Ok => "ok",
            OperationOutcome.Failed => "failed",
            _ => "open",
        };
        var kind = operation.Function is Functions.Get or Functions.Read ? "reads" : "writes";
        var part = proof.IsCulprit(operation.InvokedIndex) ? " proof culprit" : proof.Contains(operation.InvokedIndex) ? " proof" : "";
        return $"{outcome} {kind}{part}";
    }

    private static string Details(Operation operation)
    {
        var completion = operation.Completion;
        var lines = new List<string>
        {
            OperationText.Describe(operation),
            completion is null
                ? $"began {OperationText.Milliseconds(operation.InvokedNanoseconds)}, still running at the end"
                : $"{OperationText.Milliseconds(operation.InvokedNanoseconds)} .. {OperationText.Milliseconds(completion.TimeNanoseconds)} ({OperationText.Milliseconds(completion.TimeNanoseconds - operation.InvokedNanoseconds)})",
            completion is null ? Text($"index {operation.InvokedIndex}") : Text($"index {operation.InvokedIndex} .. {completion.Index}"),
        };
        if (operation.Key is { } key)
        {
            lines.Add($"key {key}");
        }

        if ((completion?.Node ?? operation.Invocation.Node) is { } node)
        {
            lines.Add($"node {node}");
        }

        if (completion?.Revision is { } revision)
        {
            lines.Add(Text($"revision {revision}"));
        }

        if (operation.Invocation.Level is { } level)
        {
            lines.Add($"level {level}");
        }

        return string.Join('\n', lines);
    }

    /// <summary>The labels of overlapping faults are in separate rows.</summary>
    private static Dictionary<PlacedFault, int> FaultRows(IReadOnlyList<PlacedFault> faults)
    {
        var rows = new Dictionary<PlacedFault, int>(ReferenceEqualityComparer.Instance);
        var busyUntil = new List<double>();
        foreach (var fault in faults.OrderBy(fault => fault.Begin))
        {
            var row = busyUntil.FindIndex(until => until <= fault.Begin);
            if (row < 0)
            {
                row = busyUntil.Count;
                busyUntil.Add(0);
            }

            busyUntil[row] = fault.End;
            rows.Add(fault, row);
        }

        return rows;
    }

    private static string Html(string text) => WebUtility.HtmlEncode(text);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
