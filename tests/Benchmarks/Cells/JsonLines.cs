using System.Text.Json;

namespace KvRaft.Benchmarks.Cells;

/// <summary>A file with one JSON object per line. Results are appended as they arrive, so that an interrupted run keeps its results.</summary>
internal sealed class JsonLines(string? file)
{
    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web);

    /// <summary>Does nothing if there is no file.</summary>
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
