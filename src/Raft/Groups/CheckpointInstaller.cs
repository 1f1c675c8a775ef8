using KvRaft.Raft.Consensus;
using KvRaft.Raft.Log;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Proposals;
using KvRaft.Raft.Telemetry;
using KvRaft.Storage;
using KvRaft.Topology;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Groups;

/// <summary>
/// Replaces the state of a replica by a checkpoint of another one, and begins its log anew there: members, state, log and vote, in an order from which each crash can be continued.
/// <para>The applier is paused while the state is replaced. One call at a time.</para>
/// </summary>
internal sealed class CheckpointInstaller(
    GroupLog log, IReplicatedStateMachine machine, GroupAuditTrail audit, Applier applier, ProposalLedger proposals, ApplyProgress progress, MemberStorage members, ILogger logger)
{
    /// <summary>
    /// Replaces our state by a fetched checkpoint. The applier is paused meanwhile. The member list is saved first: once the log begins at the checkpoint it has no
    /// configuration that the list lacks, so a replica with the new log and the old list would count the votes of earlier voters, with majorities that are none any more. A list
    /// that is newer than the log is harmless: its configuration is committed. The log is updated last, so after a crash in between
    /// the next start detects that the state is ahead of the log. Does nothing if the state has reached the checkpoint's position while the
    /// checkpoint was in transit: visible state must not disappear, not even until it is applied again.
    /// </summary>
    public async Task InstallAsync(CheckpointManifest manifest, string directory, CancellationToken cancellationToken)
    {
        var position = new LogPosition(manifest.Term, manifest.Index);
        await SaveMembersAsync(manifest, cancellationToken).ConfigureAwait(false);
        var isNeeded = await applier.BetweenAppliesAsync(
            machine =>
            {
                if (machine.Applied.Index >= position.Index)
                {
                    return false;
                }

                machine.InstallCheckpoint(directory);
                Invariant.Holds(machine.Applied == position, $"The checkpoint is at {machine.Applied}, but its manifest contains {position}.");
                audit.ResetTo(position);
                proposals.OnJumped(position);
                progress.Advance(position.Index);
                return true;
            },
            cancellationToken).ConfigureAwait(false);
        if (!isNeeded)
        {
            return;
        }

        await log.WhenDurableAsync().ConfigureAwait(false);
        applier.Wake();
        LogMessages.CheckpointInstalled(logger, log.Key.Group.Value, position.Index);
    }

    /// <summary>
    /// A damaged replica becomes a copy of the leader's checkpoint, regardless of the content of its own log. It records a vote for no candidate in the
    /// highest term that any replica has seen.
    /// </summary>
    public async Task AdoptAsync(CheckpointManifest manifest, string directory, long highestTerm, CancellationToken cancellationToken)
    {
        if (manifest.Index > machine.Applied.Index)
        {
            await InstallAsync(manifest, directory, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            // Our state already holds everything that is committed; only the members and the log must begin anew there.
            await SaveMembersAsync(manifest, cancellationToken).ConfigureAwait(false);
            audit.ResetTo(machine.Applied);
        }

        audit.Abstain(highestTerm);
        log.ClearDamage();
        await log.WhenDurableAsync().ConfigureAwait(false);
    }

    /// <summary>
    /// A replica that lost only its state may have stored a later configuration than the replica whose state it copies; the storage keeps the later one. A full disk, or a lack of
    /// descriptors or access, delays the checkpoint.
    /// </summary>
    private Task SaveMembersAsync(CheckpointManifest manifest, CancellationToken cancellationToken) => MemberSaves.SaveAsync(
        members, new LogEntry(manifest.ConfigurationVersion, manifest.Term, LogEntryKind.Configuration, manifest.Configuration), static () => true, cancellationToken);
}
