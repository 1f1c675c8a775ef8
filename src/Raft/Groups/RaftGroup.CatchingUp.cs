using KvRaft.Raft.Membership;
using KvRaft.Raft.Peers;
using KvRaft.Storage;

namespace KvRaft.Raft.Groups;

// State and entries from other replicas.
public sealed partial class RaftGroup
{
    /// <summary>
    /// For a removed replica: copies the committed entries up to exactly an index, so that its state can be compared with another replica's
    /// at that index.
    /// </summary>
    /// <exception cref="IOException">The other node does not answer, or its log does not reach back that far.</exception>
    public async Task CatchUpToAsync(GroupVoter from, long index, CancellationToken cancellationToken)
    {
        await _pull.PullAsync(from.Node, index, cancellationToken).ConfigureAwait(false);
        await _progress.WaitAsync(index, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// For operators: makes a checkpoint as for a new replica, returns its position and size, and discards it. This proves that a checkpoint can be
    /// made.
    /// </summary>
    public async Task<(LogPosition Position, long Bytes)> TryCheckpointAsync(CancellationToken cancellationToken)
    {
        var made = await Checkpoints.OfferAsync(cancellationToken).ConfigureAwait(false);
        Checkpoints.Release(made.Id);
        return (new LogPosition(made.Term, made.Index), made.Files.Sum(static file => file.Length));
    }

    internal Task InstallAsync(CheckpointManifest manifest, string directory, CancellationToken cancellationToken) =>
        _installer.InstallAsync(manifest, directory, cancellationToken);

    /// <summary>The leader no longer has the entries that follow this replica's log.</summary>
    internal void OnBehind()
    {
        Volatile.Write(ref _behindAt, _host.Options.Time.GetTimestamp());
        _rescue.Hurry();
    }

    /// <summary>The leader repeats this as long as it is true, and the lease lasts until the replica has the entries of the others.</summary>
    private bool IsBehind =>
        _lease.IsHeld
        || (Volatile.Read(ref _behindAt) is > 0 and var at && _host.Options.Time.GetElapsedTime(at) < 2 * _host.Options.Timings.HeartbeatsOfSilence * _host.Options.Timings.HeartbeatInterval);
}
