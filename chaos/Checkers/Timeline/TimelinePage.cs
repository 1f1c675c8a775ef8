using System.Globalization;
using System.Net;

namespace KvRaft.Chaos.Checkers;

/// <summary>
/// A run and its violations as one self-contained HTML page: an overview of the run, then for each finding its message, its proof, and the operations
/// of its key in lanes by process with the faults behind them. The page works without script; with it, operations show their details, and positions
/// switch between the order of events and time.
/// </summary>
public static class TimelinePage
{
    /// <summary>Writes the page; the caller owns the writer. The same input gives the same bytes.</summary>
    public static void Write(TextWriter page, History history, IReadOnlyList<Verdict> verdicts, TimelineOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(page);
        ArgumentNullException.ThrowIfNull(history);
        ArgumentNullException.ThrowIfNull(verdicts);
        options ??= new TimelineOptions();
        var findings = verdicts.SelectMany(verdict => verdict.Findings.Select(finding => (verdict.Checker, finding))).ToList();
        page.Write($"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>{Html(Title(history))}</title>\n<style>\n{TimelineAssets.Style}\n</style>\n</head>\n<body>\n");
        WriteHead(page, history, verdicts);
        for (var number = 0; number < Math.Min(findings.Count, options.FindingsMax); number++)
        {
            WriteFinding(page, number + 1, findings[number].Checker, findings[number].finding, history, options);
        }

        var total = verdicts.Sum(verdict => verdict.Counts.Values.Sum());
        if (total > options.FindingsMax)
        {
            page.Write($"<h2>{Number(total - options.FindingsMax)} more</h2>\n<p>Only the first {Number(options.FindingsMax)} of {Number(total)} findings are drawn.</p>\n");
        }

        page.Write($"<script>\n{TimelineAssets.Script}\n</script>\n</body>\n</html>\n");
    }

    private static string Title(History history) => $"KvRaft {history.Header.Workload ?? "run"}{(history.Header.Run is { } run ? $" {run}" : "")}";

    private static void WriteHead(TextWriter page, History history, IReadOnlyList<Verdict> verdicts)
    {
        page.Write($"<h1>{Html(Title(history))}</h1>\n");
        if (history.Header.Note is { } note)
        {
            page.Write($"<p>{Html(note)}</p>\n");
        }

        page.Write($"<p class=\"facts\">{string.Join(" · ", Facts(history).Select(fact => $"{fact.Name} <b>{Html(fact.Value)}</b>"))}</p>\n<ul class=\"verdicts\">\n");
        foreach (var verdict in verdicts)
        {
            var name = VerdictJson.NameOf(verdict.Judgement);
            var counts = string.Join(", ", verdict.Counts.Select(count => $"{count.Key} {Number(count.Value)}"));
            var more = verdict.Reason ?? counts;
            page.Write($"<li class=\"{name}\"><b>{Html(verdict.Checker)}</b> {name}{(more.Length == 0 ? "" : $" <small>{Html(more)}</small>")}</li>\n");
        }

        page.Write("</ul>\n");
        page.Write(OverviewSvg.Draw(history));
        page.Write("<div class=\"tools\"><span class=\"key\"><i style=\"background:var(--write)\"></i>answered per window</span><span class=\"key\"><i style=\"background:var(--open)\"></i>failed or open</span><span class=\"key\"><i style=\"background:var(--band)\"></i>fault</span></div>\n");
    }

    private static IEnumerable<(string Name, string Value)> Facts(History history)
    {
        var header = history.Header;
        if (header.Seed is { } seed)
        {
            yield return ("seed", seed.ToString(CultureInfo.InvariantCulture));
        }

        if (header.Build is { } build)
        {
            yield return ("build", build);
        }

        if (header.Nodes.Count > 0)
        {
            yield return ("nodes", string.Join(' ', header.Nodes));
        }

        yield return ("operations", Number(history.Operations.Count));
        yield return ("ok", Number(history.Operations.Count(operation => operation.IsOk)));
        yield return ("failed", Number(history.Operations.Count(operation => operation.Outcome == OperationOutcome.Failed)));
        yield return ("open", Number(history.Operations.Count(operation => operation.Outcome == OperationOutcome.Unknown)));
        yield return ("faults", Number(history.Marks.Count(mark => mark.IsStart)));
        yield return ("length", OperationText.Milliseconds(history.EndNanoseconds));
    }

    private static void WriteFinding(TextWriter page, int number, string checker, Finding finding, History history, TimelineOptions options)
    {
        page.Write($"<section>\n<h2>{Number(number)}. <span class=\"anomaly\">{Html(finding.Anomaly)}</span>{(finding.Key is { } key ? $" on {Html(key)}" : "")} <small class=\"facts\">by {Html(checker)}</small></h2>\n<p>{Html(finding.Message)}</p>\n");
        if (finding.Explanation is { } explanation)
        {
            page.Write($"<pre>{Html(explanation)}</pre>\n");
        }

        var shown = TimelineSelection.Around(finding, history, options);
        if (shown.Count > 0)
        {
            WriteLegend(page);
            page.Write("<div class=\"scroll\">\n");
            page.Write(LaneSvg.Draw(LaneLayout.Of(shown, history.Marks), TimelineSelection.Proof(finding)));
            page.Write("</div>\n<pre class=\"details\">Click an operation for its details.</pre>\n");
        }

        page.Write("</section>\n");
    }

    private static void WriteLegend(TextWriter page) => page.Write(
        """
        <div class="tools">
        <label><input type="checkbox" class="by-time"> place by time</label> <label><input type="checkbox" class="only-proof"> only the proof</label>
        <span class="key"><i style="background:var(--write)"></i>write</span><span class="key"><i style="background:var(--read)"></i>read</span>
        <span class="key"><i style="background:var(--open)"></i>open</span><span class="key"><i style="background:var(--failed)"></i>failed</span>
        <span class="key"><i style="border:2px solid var(--bad)"></i>proof</span><span class="key"><i style="background:var(--bad)"></i>culprit</span>
        </div>

        """);

    private static string Html(string text) => WebUtility.HtmlEncode(text);

    private static string Number(long number) => number.ToString("#,0", CultureInfo.InvariantCulture);
}
