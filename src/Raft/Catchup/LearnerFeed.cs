using KvRaft.Raft.Options;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Telemetry;
using KvRaft.Storage;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Catchup;

/// <summary>
/// Keeps a learner close to its group: first by a checkpoint, if it is far behind, then by the committed entries, pulled
/// from the voter that is furthest ahead. Only committed entries are copied, so none of them is ever taken back, and the group's
/// leader neither tracks nor counts the replica. After a crash it continues from its log and its state.
/// </summary>
internal sealed class LearnerFeed(
    ICatchingUpGroup group, TimeSpan? learnerPace, PeerSurvey survey, EntryPull pull, EntryLease lease, CheckpointFetcher fetcher, RaftHostOptions options, ILogger logger)
{
    /// <summary>How often an up-to-date learner requests more. Its lag is the time that the leader's last step has to wait.</summary>
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(50);

    private readonly LogThrottle _delays = new(LogThrottle.PeriodDefault, options.Time);

    /// <summary>While a large checkpoint is copied, writers advance by more than the threshold for a checkpoint; the next copy would have the same result.</summary>
    private bool _hasCheckpoint;

    /// <summary>Runs until the replica is a member; then Raft itself feeds it.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var pace = new PeriodicTimer(learnerPace ?? Pace, options.Time);
        while (!group.IsMember)
        {
            try
            {
                while (!group.IsMember && group.HasRoom && await StepAsync(cancellationToken).ConfigureAwait(false))
                {
                    // The last step copied something: there may be more.
                }
            }
            catch (Exception error) when (CopyTrouble.MayPass(error))
            {
                if (_delays.TryPass(out var suppressed))
                {
                    LogMessages.RescueDelayed(logger, group.Id.Value, error.Message, suppressed);
                }
            }

            await pace.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>True if it copied something.</summary>
    private async Task<bool> StepAsync(CancellationToken cancellationToken)
    {
        var voters = await group.OtherVotersAsync(cancellationToken).ConfigureAwait(false);
        var peers = await survey.AskAllAsync(voters, cancellationToken).ConfigureAwait(false);
        var ahead = peers.Where(peer => peer.Status.CommitIndex > group.CommitIndex).OrderByDescending(static peer => peer.Status.CommitIndex).ToList();
        if (ahead.Count == 0)
        {
            return false;
        }

        // The node that served the checkpoint keeps the following entries; others may not.
        var (source, status) = ahead.FirstOrDefault(peer => peer.Status.StartIndex <= group.CommitIndex);
        if (status is null || (!_hasCheckpoint && status.AppliedIndex - group.CommitIndex > options.LearnerCheckpointEntries))
        {
            // The copy pauses apply for a moment. On a follower no client waits for it; on the leader it delays every writer.
            var whole = ahead.Where(static peer => peer.Status.IsWhole).ToList();
            if (whole.Count == 0)
            {
                return false;
            }

            var newest = whole.Max(static peer => peer.Status.AppliedIndex);
            source = whole
                .Where(peer => newest - peer.Status.AppliedIndex <= options.LearnerCheckpointEntries)
                .OrderBy(static peer => peer.Status.IsLeader)
                .First().Voter;
            lease.Take();
            var manifest = await fetcher.FetchAsync(source.Node, group.Id, cancellationToken).ConfigureAwait(false);
            if (manifest.Index > group.CommitIndex)
            {
                await group.InstallAsync(manifest, fetcher.FilesDirectory, cancellationToken).ConfigureAwait(false);
            }

            fetcher.Discard();
            _hasCheckpoint = true;
            return true;
        }

        await pull.PullAsync(source.Node, status.CommitIndex, cancellationToken).ConfigureAwait(false);
        return true;
    }
}
