using System.Text.Json;
using System.Text.Json.Serialization;
using KvRaft.Raft.Peers;
using KvRaft.Topology;

namespace KvRaft.Raft.Catchup;

/// <summary>A fetch in progress: its source node and its checkpoint.</summary>
internal sealed record BegunFetch(string From, CheckpointManifest Manifest);

/// <summary>
/// The files of a fetch on disk: its description, and the data received so far. Files are written one after the other and synced every
/// <see cref="SyncedBytes"/>, before any later byte is written. So a power failure can lose only the end of the last file, and earlier
/// data is not copied again.
/// </summary>
internal sealed class FetchDirectory(string directory)
{
    /// <summary>Large enough that the round trip does not matter, small enough that a broken connection costs little.</summary>
    public const int ChunkBytes = 1 << 20;

    /// <summary>The most that is copied again after a crash: a tenth of a second at full rate. A sync for each chunk would cost more than that.</summary>
    private const long SyncedBytes = 16 * ChunkBytes;

    private const string BegunName = "manifest.json";

    private readonly string _begun = Path.Combine(directory, BegunName);

    public string Files { get; } = Path.Combine(directory, "files");

    /// <summary>Null: no fetch was begun, another version wrote the description, or a crash left it unreadable.</summary>
    public async ValueTask<BegunFetch?> BegunAsync(CancellationToken cancellationToken)
    {
        if (!File.Exists(_begun))
        {
            return null;
        }

        try
        {
            var bytes = await File.ReadAllBytesAsync(_begun, cancellationToken).ConfigureAwait(false);
            return JsonSerializer.Deserialize(bytes, FetchJson.Default.BegunFetch) is { Manifest: not null } begun && NodeId.IsValid(begun.From) && begun.Manifest.Mistake() is null
                ? begun
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public async Task BeginAsync(BegunFetch begun, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Files);
        using var file = new FileStream(_begun, FileMode.Create, FileAccess.Write, FileShare.None);
        await file.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(begun, FetchJson.Default.BegunFetch), cancellationToken).ConfigureAwait(false);
        file.Flush(flushToDisk: true);
    }

    /// <summary>How many bytes of a file are certainly on disk, however the fetch ended.</summary>
    public long WholeOf(CheckpointManifest manifest, CheckpointFile file)
    {
        if (new FileInfo(PathOf(file)) is not { Exists: true } there)
        {
            return 0;
        }

        // A file is synced completely before the next one is created.
        if (there.Length == file.Length && manifest.Files.SkipWhile(each => each.Name != file.Name).Skip(1).Any(later => File.Exists(PathOf(later))))
        {
            return file.Length;
        }

        // Data behind a sync point proves that the sync was complete.
        return Math.Max(0, Math.Min(there.Length, file.Length) - 1) / SyncedBytes * SyncedBytes;
    }

    /// <summary>Opens a file for writes behind its complete part.</summary>
    public FileStream Open(CheckpointFile file, long whole)
    {
        var output = new FileStream(PathOf(file), FileMode.OpenOrCreate, FileAccess.Write, FileShare.None);
        output.SetLength(whole);
        output.Position = whole;
        return output;
    }

    public static async ValueTask AppendAsync(FileStream output, byte[] chunk, CancellationToken cancellationToken)
    {
        if (output.Position > 0 && output.Position % SyncedBytes == 0)
        {
            output.Flush(flushToDisk: true);
        }

        await output.WriteAsync(chunk, cancellationToken).ConfigureAwait(false);
        await output.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The files are complete, and the caller owns them from now on.</summary>
    public void End() => File.Delete(_begun);

    public void Delete()
    {
        if (Directory.Exists(directory))
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private string PathOf(CheckpointFile file) => Path.Combine(Files, file.Name);
}

[JsonSerializable(typeof(BegunFetch))]
internal sealed partial class FetchJson : JsonSerializerContext;
