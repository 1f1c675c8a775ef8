using KvRaft.Raft.Membership;
using KvRaft.Raft.Options;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Telemetry;
using KvRaft.Raft.Transport;
using KvRaft.Storage;
using KvRaft.Topology;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Catchup;

/// <summary>
/// Recovers a replica that Raft's own replication cannot help. Its log does not meet any leader's log (it was away for
/// too long; see <see cref="RescueRules"/>), or its log was damaged. Leaders never send snapshots. The replica detects that it has had no leader for long, queries the positions of the
/// others, pulls a checkpoint from the one that is furthest ahead, and sends the leader the index from which to continue. Or it lacks more than a leader can send before
/// its request times out, so that each attempt starts where the last one did: then it pulls the entries.
/// </summary>
internal sealed class ReplicaRescue(
    ICatchingUpGroup group, PeerSurvey survey, EntryPull pull, EntryLease lease, NodeDialer dialer, CheckpointFetcher fetcher, RaftHostOptions options, ILogger logger) : IAsyncDisposable
{
    /// <summary>One check without a leader may coincide with an ordinary election; after two, a query of the others costs less than waiting.</summary>
    private const int UnsettledLooksMax = 2;

    /// <summary>
    /// Entries that are pulled before the leader is notified to continue behind them; until then it sends them all. Four requests' worth (each takes up to 256):
    /// some 90 MB in the benchmark of recovery, a few seconds there.
    /// </summary>
    private const int PulledAtOnce = 1024;

    /// <summary>Nodes whose last copy could not be opened; they are used again only if there is no other.</summary>
    private readonly HashSet<NodeId> _spoiled = [];

    private readonly CancellationTokenSource _stopping = new();
    private readonly LogThrottle _delays = new(LogThrottle.PeriodDefault, options.Time);
    private volatile Task _looking = Task.CompletedTask;
    private long _term;

    /// <summary>The leader whose history differs from this replica's. One check at a time.</summary>
    private NodeId? _conflicting;
    private int _heartbeats;
    private int _unsettledLooks;
    private int _hurry;
    private int _doubt;
    private bool _isStarted;

    /// <summary>From now on its heartbeat intervals count.</summary>
    public void Start() => Volatile.Write(ref _isStarted, true);

    /// <summary>A leader requested entries that we no longer have, or did not get all of its own across: the next check fetches them and sends the leader our position.</summary>
    public void Hurry() => Volatile.Write(ref _hurry, 1);

    /// <summary>A message arrived with a term far above the highest term seen: the next check queries the terms of the other voters.</summary>
    public void Doubt() => Volatile.Write(ref _doubt, 1);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _looking.ConfigureAwait(false);
        _stopping.Dispose();
    }

    /// <summary>
    /// Rebuilds a damaged replica before it takes part again. The record of its votes and acknowledgements may be lost, so:
    /// <list type="number">
    /// <item>every other voter must answer, and a leader must prove itself by a quorum round of theirs. Then everything that this replica
    /// helped to commit is in the leader's log, and no voter has a term above the highest one seen;</item>
    /// <item>the state becomes the leader's checkpoint, at or above the proven commit index;</item>
    /// <item>the vote of the highest term seen counts as given to no candidate: any lost vote was for that term or an older one.</item>
    /// </list>
    /// Repeats until it succeeds.
    /// </summary>
    public async Task RebuildAsync(CancellationToken cancellationToken)
    {
        using var pace = new PeriodicTimer(options.Timings.ElectionMin, options.Time);
        do
        {
            try
            {
                if (await TryRebuildAsync(cancellationToken).ConfigureAwait(false))
                {
                    return;
                }
            }
            catch (Exception error) when (CopyTrouble.MayPass(error))
            {
                Delayed(error.Message);
            }
        }
        while (await pace.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false));
    }

    /// <summary>
    /// Gives a replica that lost only its state a new one: a checkpoint of a complete replica, at or above the start of this replica's log, which continues
    /// from there. It needs no leader and no majority: a checkpoint holds only committed data, and all acknowledgements of this replica are in its log. Repeats until it
    /// succeeds.
    /// </summary>
    /// <returns>The group's commit index in the view of the others.</returns>
    public async Task<long> RestoreStateAsync(CancellationToken cancellationToken)
    {
        using var pace = new PeriodicTimer(options.Timings.ElectionMin, options.Time);
        var told = (string?)null;
        do
        {
            string? why;
            try
            {
                var peers = await AskAllAsync(cancellationToken).ConfigureAwait(false);
                why = await TryCopyStateAsync(peers, cancellationToken).ConfigureAwait(false);
                if (why is null)
                {
                    return peers.Select(static peer => peer.Status.CommitIndex).DefaultIfEmpty().Max();
                }
            }
            catch (Exception error) when (CopyTrouble.MayPassOrTimeout(error, cancellationToken))
            {
                why = error.Message;
            }

            group.Explain(why);
            if (why != told)
            {
                // Logged once per reason: this may last as long as a node is away.
                told = why;
                LogMessages.RestoreDelayed(logger, group.Id.Value, why);
            }
        }
        while (await pace.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false));
        return 0;
    }

    /// <summary>Null: the state is there. Otherwise the reason to wait.</summary>
    private async Task<string?> TryCopyStateAsync(IReadOnlyList<(GroupVoter Voter, PeerStatus Status)> peers, CancellationToken cancellationToken)
    {
        var start = group.Log.Start.Index;
        if (group.Machine.Applied.Index >= start)
        {
            return null;
        }

        var others = await group.OtherVotersAsync(cancellationToken).ConfigureAwait(false);
        if (RescueRules.StateSource(start, [.. peers.Where(peer => !_spoiled.Contains(peer.Voter.Node))]) is not { } source)
        {
            _spoiled.Clear();
            return RescueRules.WhyNoSource(start, others, peers);
        }

        var manifest = await fetcher.FetchAsync(source.Node, group.Id, cancellationToken).ConfigureAwait(false);
        try
        {
            if (manifest.Index < start)
            {
                return $"the copy that was fetched ends at {manifest.Index}, before this replica's log begins ({start})";
            }

            await group.InstallAsync(manifest, fetcher.FilesDirectory, cancellationToken).ConfigureAwait(false);
        }
        catch (InvalidDataException)
        {
            _spoiled.Add(source.Node);
            throw;
        }
        finally
        {
            fetcher.Discard();
        }

        await NudgeLeadersAsync(cancellationToken).ConfigureAwait(false);
        return null;
    }

    /// <summary>
    /// Called once per heartbeat interval, by one caller at a time. It checks the group about once per election timeout, without a timer of its own: one timer per group
    /// would wake an idle node hundreds of times a second.
    /// </summary>
    public void OnHeartbeat()
    {
        if (!Volatile.Read(ref _isStarted) || ++_heartbeats < options.Timings.HeartbeatsOfSilence || !_looking.IsCompleted)
        {
            return;
        }

        // A leader that cannot feed this replica and has no other majority appears and disappears: a new term at each check does not count as a stable leader either.
        _heartbeats = 0;
        var isSettled = !group.IsVacant && group.Term == _term;
        _term = group.Term;
        _unsettledLooks = isSettled ? 0 : _unsettledLooks + 1;
        var asked = Interlocked.Exchange(ref _hurry, 0) == 1 && !group.IsLeader;
        var doubts = Interlocked.Exchange(ref _doubt, 0) == 1;

        // The disk has no space for a fetch.
        var looks = group.HasRoom && (asked || _unsettledLooks >= UnsettledLooksMax);
        if ((looks || doubts) && !_stopping.IsCancellationRequested)
        {
            var stopping = _stopping.Token;

            _looking = group.Background.Start("looking at the group", () => LookAsync(onlyAsks: !looks, stopping));
        }
    }

    private async Task LookAsync(bool onlyAsks, CancellationToken cancellationToken)
    {
        try
        {
            await (onlyAsks ? AskAllAsync(cancellationToken) : LookAroundAsync(cancellationToken)).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The replica closes.
        }
    }

    private async Task LookAroundAsync(CancellationToken cancellationToken)
    {
        try
        {
            var committed = group.CommitIndex;
            var peers = await AskAllAsync(cancellationToken).ConfigureAwait(false);
            if (peers.FirstOrDefault(peer => peer.Status.IsLeader && peer.Status.Term >= group.Term && RescueRules.Conflicts(
                group.Log, committed, new LogPosition(peer.Status.StartTerm, peer.Status.StartIndex), peer.Status.LastIndex)) is { Status: { } other } conflicting)
            {
                _conflicting = conflicting.Voter.Node;
                throw new HistoryDiffersException(
                    $"the leader's log is from {new LogPosition(other.StartTerm, other.StartIndex)} to {other.LastIndex}, and this replica has committed up to {committed}");
            }

            var ahead = peers
                .Where(peer => RescueRules.NeedsCopy(group.Log, new LogPosition(peer.Status.StartTerm, peer.Status.StartIndex))
                    && peer.Status.IsWhole && peer.Status.AppliedIndex > group.Machine.Applied.Index)

                // The leader keeps the entries after its checkpoint, and the replica continues from there.
                .OrderByDescending(peer => peer.Status.IsLeader)
                .ThenByDescending(peer => peer.Status.AppliedIndex)
                .Select(peer => (GroupVoter?)peer.Voter)
                .FirstOrDefault();
            if (ahead is { } source)
            {
                if (!group.TryEnter(ReplicaState.Running, ReplicaState.CatchingUp))
                {
                    return;
                }

                lease.Take();
                var manifest = await fetcher.FetchAsync(source.Node, group.Id, cancellationToken).ConfigureAwait(false);
                if (manifest.Index > group.CommitIndex)
                {
                    await group.InstallAsync(manifest, fetcher.FilesDirectory, cancellationToken).ConfigureAwait(false);
                }

                fetcher.Discard();
            }
            else
            {
                await PullAsync(peers, cancellationToken).ConfigureAwait(false);
            }

            await NudgeLeadersAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (HistoryDiffersException error) when (!cancellationToken.IsCancellationRequested)
        {
            // The committed entries of a leader that a majority follows are the group's history. This replica keeps its data, and stops participating.
            // A deposed leader that has not detected it may have another history, too, and proves nothing: it must be the leader that a majority follows.
            if (await ProvenLeaderAsync(cancellationToken).ConfigureAwait(false) is { } proven && proven == _conflicting)
            {
                group.OnHistoryDiffers(error.Message);
            }
        }
        catch (Exception error) when (CopyTrouble.MayPassOrTimeout(error, cancellationToken))
        {
            Delayed(error.Message);
        }
        finally
        {
            group.TryEnter(ReplicaState.CatchingUp, ReplicaState.Running);
        }
    }

    /// <summary>The entries in another replica's log, up to its commit index. After the last of them the caller notifies the leader.</summary>
    private async Task PullAsync(IReadOnlyList<(GroupVoter Voter, PeerStatus Status)> peers, CancellationToken cancellationToken)
    {
        var (source, status) = peers
            .Where(peer => peer.Status.CommitIndex > group.CommitIndex && peer.Status.StartIndex <= group.CommitIndex)
            .OrderByDescending(static peer => peer.Status.IsLeader)
            .ThenByDescending(static peer => peer.Status.CommitIndex)
            .FirstOrDefault();
        while (status is not null && group.CommitIndex < status.CommitIndex)
        {
            try
            {
                _conflicting = source.Node;
                await pull.PullAsync(source.Node, Math.Min(status.CommitIndex, group.CommitIndex + PulledAtOnce), cancellationToken).ConfigureAwait(false);
            }
            catch (HistoryDiffersException error) when (!status.IsLeader)
            {
                throw new IOException($"Node '{source.Node}' does not lead and has a different history: {error.Message}", error);
            }

            LogMessages.EntriesPulled(logger, group.Id.Value, group.CommitIndex, status.CommitIndex, source.Node.Value);
            if (group.CommitIndex < status.CommitIndex)
            {
                await NudgeLeadersAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task<bool> TryRebuildAsync(CancellationToken cancellationToken)
    {
        var others = await group.OtherVotersAsync(cancellationToken).ConfigureAwait(false);
        var peers = await survey.AskAllAsync(others, cancellationToken).ConfigureAwait(false);
        if (others.Count == 0 || peers.Count < others.Count)
        {
            Delayed($"{peers.Count} of {others.Count} other voters answer; a rebuild needs all of them");
            return false;
        }

        if (await ProvenLeaderAsync(peers, cancellationToken).ConfigureAwait(false) is not var (leader, proof))
        {
            Delayed("the group has no leader yet");
            return false;
        }

        lease.Take();
        var manifest = await fetcher.FetchFromAsync(leader.Node, group.Id, cancellationToken).ConfigureAwait(false);
        if (manifest.Index < proof.CommitIndex)
        {
            fetcher.Discard();
            return false;
        }

        var highestTerm = Math.Max(proof.Term, peers.Max(peer => peer.Status.Term));
        if (highestTerm > TermGate.TermMax)
        {
            Delayed($"a voter reports term {highestTerm}, which no election can reach");
            fetcher.Discard();
            return false;
        }

        await group.AdoptAsync(manifest, fetcher.FilesDirectory, highestTerm, cancellationToken).ConfigureAwait(false);
        fetcher.Discard();
        return true;
    }

    private async Task<NodeId?> ProvenLeaderAsync(CancellationToken cancellationToken)
    {
        try
        {
            var peers = await AskAllAsync(cancellationToken).ConfigureAwait(false);
            return (await ProvenLeaderAsync(peers, cancellationToken).ConfigureAwait(false))?.Leader.Node;
        }
        catch (Exception error) when (PeerSurvey.IsPeerTroubleOrTimeout(error, cancellationToken))
        {
            Delayed(error.Message);
            return null;
        }
    }

    private async Task<(GroupVoter Leader, LeaderProof Proof)?> ProvenLeaderAsync(
        IReadOnlyList<(GroupVoter Voter, PeerStatus Status)> peers, CancellationToken cancellationToken)
    {
        foreach (var (voter, _) in peers.Where(peer => peer.Status.IsLeader).OrderByDescending(peer => peer.Status.Term))
        {
            using var peer = await PeerClient.ConnectAsync(dialer, voter.Node, cancellationToken).ConfigureAwait(false);
            var proof = await peer.AskAsync(
                PeerRequestKind.LeaderProof, new PeerGroupRequest(group.Id.Value), PeerJson.Default.PeerGroupRequest, PeerJson.Default.LeaderProof, cancellationToken)
                .ConfigureAwait(false);
            return (voter, proof);
        }

        return null;
    }

    private async Task<IReadOnlyList<(GroupVoter Voter, PeerStatus Status)>> AskAllAsync(CancellationToken cancellationToken)
    {
        var answers = await survey.AskAllAsync(await group.OtherVotersAsync(cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
        foreach (var (_, status) in answers)
        {
            group.Terms.Confirm(status.Term);
        }

        return answers;
    }

    private void Delayed(string reason)
    {
        if (_delays.TryPass(out var suppressed))
        {
            LogMessages.RescueDelayed(logger, group.Id.Value, reason, suppressed);
        }
    }

    private async Task NudgeLeadersAsync(CancellationToken cancellationToken)
    {
        var nudge = new NudgeRequest(group.Id.Value, options.NodeId.Value, group.Incarnation, group.CommitIndex);
        foreach (var voter in await group.OtherVotersAsync(cancellationToken).ConfigureAwait(false))
        {
            if (!await survey.TryTellAsync(voter.Node, PeerRequestKind.Nudge, nudge, PeerJson.Default.NudgeRequest, cancellationToken).ConfigureAwait(false))
            {
                Delayed($"node '{voter.Node}' does not listen");
            }
        }
    }
}
