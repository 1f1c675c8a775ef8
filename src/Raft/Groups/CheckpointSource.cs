using DotNext.Net.Cluster.Consensus.Raft.Membership;
using KvRaft.Raft.Catchup;
using KvRaft.Raft.Consensus;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Peers;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Raft.Groups;

/// <summary>Makes checkpoints of a replica, which <see cref="CheckpointCache"/> offers to others. Thread-safe; checkpoints are taken between two applies.</summary>
/// <param name="group">The group of the replica.</param>
/// <param name="health">A replica that failed or lost its state has nothing to copy.</param>
/// <param name="applier">Gives exclusive access to the state machine.</param>
/// <param name="members">The member list that belongs to the checkpoint.</param>
/// <param name="fail">Called if the state is found damaged.</param>
internal sealed class CheckpointSource(GroupId group, ReplicaHealth health, Applier applier, MemberStorage members, Action<Exception> fail)
{
    /// <exception cref="PeerRequestException">There is nothing to copy here.</exception>
    public async Task<LogPosition> SaveAsync(string path, CancellationToken cancellationToken)
    {
        if (health.State == ReplicaState.Failed || health.Fault is { Loss: ReplicaLoss.State })
        {
            throw new PeerRequestException($"the replica of group {group} has no state to copy: {health.Fault?.Message}");
        }

        try
        {
            return await TakeAsync(path, cancellationToken).ConfigureAwait(false);
        }
        catch (StorageException error)
        {
            // Damage concerns this replica. A full disk may concern only the copy; if it concerns the engine, the next write fails.
            if (error is StorageCorruptionException)
            {
                fail(error);
            }

            throw new PeerRequestException($"group {group} could not be copied: {error.Message}");
        }
    }

    public async Task<(byte[] Configuration, long Version)> LoadMembersAsync(CancellationToken cancellationToken)
    {
        var (configuration, version) = await ((IClusterConfigurationStorage)members).LoadConfigurationAsync(cancellationToken).ConfigureAwait(false);
        return ((await PayloadReader.ReadAsync(configuration, cancellationToken).ConfigureAwait(false)).ToArray(), version);
    }

    private async Task<LogPosition> TakeAsync(string path, CancellationToken cancellationToken)
    {
        var (position, complete) = await applier.BetweenAppliesAsync(machine => machine.TakeCheckpoint(path), cancellationToken).ConfigureAwait(false);
        await Task.Run(complete, CancellationToken.None).ConfigureAwait(false);
        return position;
    }
}
