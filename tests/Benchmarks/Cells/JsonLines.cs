using System.Text.Json;

namespace KvRaft.Benchmarks.Cells;

/// <summary>A file with one JSON object per line, appended to as results come, so that a run cut short keeps what it had.</summary>
internal sealed class JsonLines(string? file)
{
    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web);

    /// <summary>Nothing happens without a file.</summary>
    public void Add<T>(string kind, T result)
    {
        if (file is null)
        {
            return;
        }

        var line = JsonSerializer.SerializeToNode(result, Format)!.AsObject();
        line.Insert(0, "kind", kind);
        line.Insert(1, "at", DateTimeOffset.UtcNow.ToString("O"));
        File.AppendAllText(file, line.ToJsonString() + "\n");
    }
}
