using System.Text.Json;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Transport;
using KvRaft.Topology;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Catchup;

/// <summary>
/// Pulls a checkpoint from another node in bounded chunks, each with a checksum, at a bounded rate, into a directory of its own. A
/// fetch that was cut off goes on where it stopped as long as the same checkpoint is still offered.
/// </summary>
internal sealed class CheckpointFetcher(NodeDialer dialer, string directory, long bytesPerSecondMax, TimeProvider time, ILogger logger)
{
    /// <summary>Large enough that the round trip does not matter, small enough that a broken connection costs little.</summary>
    private const int ChunkBytes = 1 << 20;

    private const string ManifestName = "manifest.json";

    /// <summary>Where the files are when a fetch has ended.</summary>
    public string FilesDirectory { get; } = Path.Combine(directory, "files");

    /// <exception cref="IOException">The peer went away, or this disk failed; call again to go on.</exception>
    public async Task<CheckpointManifest> FetchAsync(NodeId from, GroupId group, CancellationToken cancellationToken)
    {
        using var peer = await PeerClient.ConnectAsync(dialer, from, cancellationToken).ConfigureAwait(false);
        var manifest = await ResumeOrBeginAsync(peer, group, cancellationToken).ConfigureAwait(false);
        var total = manifest.Files.Sum(file => file.Length);
        LogMessages.CheckpointFetching(logger, group.Value, from.Value, manifest.Index, total);
        var begun = time.GetTimestamp();
        var fetched = 0L;
        foreach (var file in manifest.Files)
        {
            fetched += await FetchFileAsync(peer, group, manifest, file, begun, fetched, cancellationToken).ConfigureAwait(false);
        }

        await peer.AskAsync(
            PeerRequestKind.Release, new ReleaseRequest(group.Value, manifest.Id), PeerJson.Default.ReleaseRequest, PeerJson.Default.NudgeAnswer, cancellationToken)
            .ConfigureAwait(false);
        File.Delete(Path.Combine(directory, ManifestName));
        LogMessages.CheckpointFetched(logger, group.Value, from.Value, manifest.Index, total, time.GetElapsedTime(begun).TotalMilliseconds);
        return manifest;
    }

    /// <summary>Forgets everything that was fetched so far.</summary>
    public void Discard()
    {
        if (Directory.Exists(directory))
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private async ValueTask<CheckpointManifest> ResumeOrBeginAsync(PeerClient peer, GroupId group, CancellationToken cancellationToken)
    {
        var path = Path.Combine(directory, ManifestName);
        if (File.Exists(path)
            && JsonSerializer.Deserialize(await File.ReadAllBytesAsync(path, cancellationToken).ConfigureAwait(false), PeerJson.Default.CheckpointManifest) is { } begun
            && await IsStillOfferedAsync(peer, group, begun, cancellationToken).ConfigureAwait(false))
        {
            return begun;
        }

        Discard();
        Directory.CreateDirectory(FilesDirectory);
        var manifest = await peer.AskAsync(
            PeerRequestKind.Checkpoint, new PeerGroupRequest(group.Value), PeerJson.Default.PeerGroupRequest, PeerJson.Default.CheckpointManifest, cancellationToken)
            .ConfigureAwait(false);
        foreach (var file in manifest.Files)
        {
            // The name becomes a path here: a peer must not be able to choose one elsewhere.
            if (file.Name != Path.GetFileName(file.Name) || file.Name.Length == 0 || file.Length < 0)
            {
                throw new InvalidDataException($"A checkpoint file may not be called '{file.Name}'.");
            }
        }

        await File.WriteAllBytesAsync(path, JsonSerializer.SerializeToUtf8Bytes(manifest, PeerJson.Default.CheckpointManifest), cancellationToken).ConfigureAwait(false);
        return manifest;
    }

    private static async ValueTask<bool> IsStillOfferedAsync(PeerClient peer, GroupId group, CheckpointManifest begun, CancellationToken cancellationToken)
    {
        if (begun.Files.FirstOrDefault(file => file.Length > 0) is not { } probe)
        {
            return false;
        }

        try
        {
            await peer.FetchAsync(new ChunkRequest(group.Value, begun.Id, probe.Name, 0, 1), cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (PeerRefusedException)
        {
            return false;
        }
    }

    private async ValueTask<long> FetchFileAsync(
        PeerClient peer, GroupId group, CheckpointManifest manifest, CheckpointFile file, long begun, long before, CancellationToken cancellationToken)
    {
        using var output = new FileStream(Path.Combine(FilesDirectory, file.Name), FileMode.OpenOrCreate, FileAccess.Write, FileShare.None);

        // Only whole chunks count as fetched: the last one before a crash may be torn.
        var offset = Math.Min(output.Length, file.Length) / ChunkBytes * ChunkBytes;
        output.SetLength(offset);
        output.Position = offset;
        var fetched = 0L;
        while (offset < file.Length)
        {
            var length = (int)Math.Min(ChunkBytes, file.Length - offset);
            var chunk = await peer.FetchAsync(new ChunkRequest(group.Value, manifest.Id, file.Name, offset, length), cancellationToken).ConfigureAwait(false);
            if (chunk.Length != length)
            {
                throw new InvalidDataException($"Asked for {length} bytes of '{file.Name}', got {chunk.Length}.");
            }

            await output.WriteAsync(chunk, cancellationToken).ConfigureAwait(false);
            offset += length;
            fetched += length;
            await KeepToRateAsync(begun, before + fetched, cancellationToken).ConfigureAwait(false);
        }

        output.Flush(flushToDisk: true);
        return fetched;
    }

    private async ValueTask KeepToRateAsync(long begun, long bytes, CancellationToken cancellationToken)
    {
        var ahead = TimeSpan.FromSeconds((double)bytes / bytesPerSecondMax) - time.GetElapsedTime(begun);
        if (ahead > TimeSpan.FromMilliseconds(1))
        {
            await Task.Delay(ahead, time, cancellationToken).ConfigureAwait(false);
        }
    }
}
