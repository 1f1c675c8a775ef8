using System.Text.Json;
using KvRaft.Chaos.Checkers;

namespace KvRaft.Chaos.Report;

/// <summary>
/// The one folder a run leaves: <c>history.jsonl</c>, <c>faults.jsonl</c> (each fault with what was seen of it), <c>verdicts.json</c>,
/// <c>report.txt</c>, <c>timeline.html</c>, of a violation that operations prove <c>proof.svg</c>, and for each node its configuration and log. Data stays only if something was found.
/// </summary>
internal static class RunFolder
{
    public const string HistoryFile = "history.jsonl";
    public const string FaultsFile = "faults.jsonl";

    public static void Write(RunResult result)
    {
        using (var page = new StreamWriter(Path.Combine(result.Folder, "timeline.html")))
        {
            TimelinePage.Write(page, result.History, result.Verdicts);
        }

        File.WriteAllText(Path.Combine(result.Folder, "report.txt"), ReportText.Of(result));
        if (result.Verdicts.SelectMany(static verdict => verdict.Findings).Select(finding => ProofPicture.Of(finding, result.History)).FirstOrDefault(static picture => picture is not null) is { } picture)
        {
            File.WriteAllText(Path.Combine(result.Folder, "proof.svg"), picture);
        }

        using (var file = File.Create(Path.Combine(result.Folder, "verdicts.json")))
        using (var json = new Utf8JsonWriter(file, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartArray();
            foreach (var verdict in result.Verdicts)
            {
                VerdictJson.Write(json, verdict);
            }

            json.WriteEndArray();
        }

        RunLedger.Append(result);
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
