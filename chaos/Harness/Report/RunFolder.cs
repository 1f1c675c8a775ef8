using System.Text.Json;
using KvRaft.Chaos.Checkers;

namespace KvRaft.Chaos.Report;

/// <summary>
/// The one folder that a run leaves: <c>history.jsonl</c>, <c>faults.jsonl</c> (each fault with its evidence), <c>verdicts.json</c>,
/// <c>report.txt</c>, <c>timeline.html</c>, for a violation that operations prove <c>proof.svg</c>, and for each node its configuration and log. Data
/// stays only if there is a finding.
/// </summary>
internal static class RunFolder
{
    public const string HistoryFile = "history.jsonl";
    public const string FaultsFile = "faults.jsonl";

    public static void Write(RunResult result)
    {
        WriteVerdicts(result.Folder, result.History, result.Verdicts);
        File.WriteAllText(Path.Combine(result.Folder, "report.txt"), ReportText.Of(result));
        RunLedger.Append(result);
    }

    /// <summary>The output of the judges, also for a history that no run recorded: <c>timeline.html</c>, <c>verdicts.json</c>, <c>proof.svg</c>.</summary>
    public static void WriteVerdicts(string folder, History history, IReadOnlyList<Verdict> verdicts)
    {
        using (var page = new StreamWriter(Path.Combine(folder, "timeline.html")))
        {
            TimelinePage.Write(page, history, verdicts);
        }

        if (verdicts.SelectMany(static verdict => verdict.Findings).Select(finding => ProofPicture.Of(finding, history)).FirstOrDefault(static picture => picture is not null) is { } picture)
        {
            File.WriteAllText(Path.Combine(folder, "proof.svg"), picture);
        }

        using var file = File.Create(Path.Combine(folder, "verdicts.json"));
        using var json = new Utf8JsonWriter(file, new JsonWriterOptions { Indented = true });
        json.WriteStartArray();
        foreach (var verdict in verdicts)
        {
            VerdictJson.Write(json, verdict);
        }

        json.WriteEndArray();
    }

    public static void DropData(string folder)
    {
        foreach (var node in Directory.EnumerateDirectories(folder))
        {
            var data = Path.Combine(node, "data");
            if (Directory.Exists(data))
            {
                Directory.Delete(data, recursive: true);
            }

            File.Delete(Path.Combine(node, "volume.ext4"));
        }
    }
}
