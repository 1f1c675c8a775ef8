using KvRaft.Raft.Membership;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Telemetry;
using KvRaft.Raft.Transport;
using KvRaft.Topology;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Catchup;

/// <summary>
/// Pulls a checkpoint from another node in bounded chunks, each with a checksum, within the node's rate limit, into a directory of its own. An interrupted fetch
/// (either process ended) resumes at its last position, as long as the same node still offers the same checkpoint.
/// </summary>
internal sealed class CheckpointFetcher(NodeDialer dialer, string directory, CopyBudget budget, TimeProvider time, ILogger logger)
{
    private readonly FetchDirectory _directory = new(directory);
    private CopyProgress? _progress;
    private long _index;

    /// <summary>The directory of the files after a fetch has ended.</summary>
    public string FilesDirectory => _directory.Files;

    /// <summary>The position of the checkpoint that is being fetched, or that was fetched and not discarded yet; null: there is none.</summary>
    public long? Index => Volatile.Read(ref _index) is > 0 and var index ? index : null;

    /// <summary>The size and progress of the current fetch; null: there is none.</summary>
    public CopyProgress? Progress => Volatile.Read(ref _progress);

    /// <summary>Resumes a fetch with its original node, if that node still offers the checkpoint; otherwise starts one with the given node.</summary>
    /// <exception cref="IOException">The peer is gone, or this disk failed; a further call resumes the fetch.</exception>
    public async Task<CheckpointManifest> FetchAsync(NodeId from, GroupId group, CancellationToken cancellationToken)
    {
        if (await _directory.BegunAsync(cancellationToken).ConfigureAwait(false) is { } begun && begun.From != from.Value
            && await TryGoOnAsync(begun, group, cancellationToken).ConfigureAwait(false) is { } manifest)
        {
            return manifest;
        }

        return await FetchFromAsync(from, group, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The same, but only from the given node.</summary>
    /// <exception cref="IOException">The peer is gone, or this disk failed; a further call resumes the fetch.</exception>
    public async Task<CheckpointManifest> FetchFromAsync(NodeId from, GroupId group, CancellationToken cancellationToken)
    {
        using var peer = await PeerClient.ConnectAsync(dialer, from, cancellationToken).ConfigureAwait(false);
        var begun = await _directory.BegunAsync(cancellationToken).ConfigureAwait(false);
        if (begun is null || begun.From != from.Value || !await IsStillOfferedAsync(peer, group, begun.Manifest, cancellationToken).ConfigureAwait(false))
        {
            Discard();
            begun = new BegunFetch(from.Value, await BeginAsync(peer, group, cancellationToken).ConfigureAwait(false));
            await _directory.BeginAsync(begun, cancellationToken).ConfigureAwait(false);
        }

        return await FetchAllAsync(peer, from, group, begun.Manifest, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Discards all fetched files.</summary>
    public void Discard()
    {
        Volatile.Write(ref _index, 0);
        _directory.Delete();
    }

    /// <summary>Null: the node does not answer, or no longer offers it.</summary>
    private async Task<CheckpointManifest?> TryGoOnAsync(BegunFetch begun, GroupId group, CancellationToken cancellationToken)
    {
        PeerClient peer;
        var from = new NodeId(begun.From);
        try
        {
            peer = await PeerClient.ConnectAsync(dialer, from, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (PeerSurvey.IsPeerTrouble(error))
        {
            return null;
        }

        using (peer)
        {
            return await IsStillOfferedAsync(peer, group, begun.Manifest, cancellationToken).ConfigureAwait(false)
                ? await FetchAllAsync(peer, from, group, begun.Manifest, cancellationToken).ConfigureAwait(false)
                : null;
        }
    }

    private static async ValueTask<CheckpointManifest> BeginAsync(PeerClient peer, GroupId group, CancellationToken cancellationToken)
    {
        var manifest = await peer.AskAsync(
            PeerRequestKind.Checkpoint, new PeerGroupRequest(group.Value), PeerJson.Default.PeerGroupRequest, PeerJson.Default.CheckpointManifest, cancellationToken)
            .ConfigureAwait(false);
        var mistake = manifest.Mistake() ?? (MemberStorage.IsWellFormed(manifest.Configuration) ? null : "its member list cannot be read");
        return mistake is not null ? throw new PeerDataException($"The offered checkpoint is invalid: {mistake}.") : manifest;
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

    private async Task<CheckpointManifest> FetchAllAsync(
        PeerClient peer, NodeId from, GroupId group, CheckpointManifest manifest, CancellationToken cancellationToken)
    {
        var total = manifest.Files.Sum(static file => file.Length);
        var there = manifest.Files.ToDictionary(static file => file.Name, file => _directory.WholeOf(manifest, file));
        var copied = there.Values.Sum();
        LogMessages.CheckpointFetching(logger, group.Value, from.Value, manifest.Index, total, copied);
        var begun = time.GetTimestamp();
        Volatile.Write(ref _index, manifest.Index);
        try
        {
            Volatile.Write(ref _progress, new CopyProgress(copied, total));
            foreach (var file in manifest.Files)
            {
                using var output = _directory.Open(file, there[file.Name]);
                while (output.Position < file.Length)
                {
                    var length = (int)Math.Min(FetchDirectory.ChunkBytes, file.Length - output.Position);
                    var chunk = await peer.FetchAsync(new ChunkRequest(group.Value, manifest.Id, file.Name, output.Position, length), cancellationToken)
                        .ConfigureAwait(false);
                    if (chunk.Length != length)
                    {
                        throw new PeerDataException($"Requested {length} bytes of '{file.Name}', received {chunk.Length}.");
                    }

                    await FetchDirectory.AppendAsync(output, chunk, cancellationToken).ConfigureAwait(false);
                    Volatile.Write(ref _progress, new CopyProgress(copied += length, total));
                    await budget.TakeAsync(length, cancellationToken).ConfigureAwait(false);
                }

                output.Flush(flushToDisk: true);
            }

            await peer.AskAsync(
                PeerRequestKind.Release, new ReleaseRequest(group.Value, manifest.Id), PeerJson.Default.ReleaseRequest, PeerJson.Default.NudgeAnswer, cancellationToken)
                .ConfigureAwait(false);
        }
        finally
        {
            Volatile.Write(ref _progress, null);
        }

        _directory.End();
        LogMessages.CheckpointFetched(logger, group.Value, from.Value, manifest.Index, total, time.GetElapsedTime(begun).TotalMilliseconds);
        return manifest;
    }
}
