using DotNext.Net.Cluster;
using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Catchup;
using KvRaft.Raft.Peers;
using KvRaft.Storage;
using KvRaft.Topology;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft;

/// <summary>
/// Hands leadership to a chosen voter. DotNext can only step down and let chance decide, which also costs an election timeout without a
/// leader. Here the leader holds proposals back until nothing is under way and the target's log holds all of its own (Ongaro's dissertation, section
/// 3.10), asks the other voters to stand aside (they vote and replicate, but do not stand, and do not insist on the old leader), stands aside
/// itself, and asks the target to stand at once. Whatever fails on the way, everybody is back to normal within a moment: if the target did not win, the
/// old leader stands again, and at worst an ordinary election follows. What was held back was never appended, and is answered so.
/// </summary>
internal sealed class LeadershipTransfer(
    RaftGroup group, RaftCluster cluster, ProposalQueue proposals, PeerSurvey peers, RaftTimings timings, TimeProvider time, ILogger logger) : IDisposable
{
    /// <summary>Milliseconds. Not 0, which would be no timeout at all.</summary>
    private const int AtOnce = 1;

    /// <summary>Entries the target may still have to apply, which it does before it serves: some milliseconds' worth.</summary>
    private const int UnappliedMax = 64;

    /// <summary>
    /// How long a voter that does not answer can hold up clients: some round trips of a busy machine. Whoever answers later stands aside later, and may vote
    /// for nobody meanwhile; a majority does not need it.
    /// </summary>
    private static readonly TimeSpan AsidePatience = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// How long an election may take that a silent voter takes part in: DotNext waits for each voter's answer, first to the question whether it would vote and then
    /// for its vote, and a silent one answers neither; then the new leader confirms its term. Where every voter answers, or is known to be dead, one request's time is enough.
    /// </summary>
    private readonly TimeSpan _electionPatience = 3 * timings.RequestTimeout;

    private readonly bool _isDirected = ElectionInternals.IsUsable(cluster, timings);
    private readonly SemaphoreSlim _turn = new(1);

    /// <summary>On the leader. True when it no longer leads; who leads then is the target, unless something came in between.</summary>
    public async Task<bool> ToAsync(GroupVoter target, CancellationToken cancellationToken)
    {
        if (!_isDirected)
        {
            return await ((ICluster)cluster).ResignAsync(cancellationToken).ConfigureAwait(false);
        }

        if (!await FollowsAsync(target, cancellationToken).ConfigureAwait(false)
            || !await _turn.WaitAsync(TimeSpan.Zero, CancellationToken.None).ConfigureAwait(false))
        {
            return false;
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(timings.RequestTimeout);
        try
        {
            // From here on clients wait, and the log's end is final. Else others would hold entries that the target lacks, and not vote for it.
            using var held = await proposals.HoldAsync(limit.Token).ConfigureAwait(false);
            var others = group.Voters().Where(voter => voter != target && voter.Node != peers.Self);
            var aside = Task.WhenAll(others.Select(voter => peers.TellAsync(voter.Node, PeerRequestKind.StandAside, cancellationToken)));
            await HasAllAsync(target, limit.Token).ConfigureAwait(false);
            await Task.WhenAny(aside, Task.Delay(AsidePatience, time, limit.Token)).ConfigureAwait(false);
            NudgeAnswer? answer = null;
            await StandAsideUntilAsync(
                async () => answer = await peers.TellAsync(target.Node, PeerRequestKind.StandForElection, cancellationToken).ConfigureAwait(false))
                .ConfigureAwait(false);
            LogMessages.LeadershipHandedOver(logger, group.Id.Value, target.Node.Value);
            if (answer is not { IsLeader: true } && !group.IsLeader && (group.Leader is null || group.Leader == peers.Self))
            {
                // It did not win. Nobody leads, and whoever led a moment ago can do so again, sooner than a timeout.
                await StandAsync(timings.RequestTimeout, cancellationToken).ConfigureAwait(false);
            }

            return !group.IsLeader;
        }
        catch (Exception error) when (error is NotLeaderException || (error is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // Something is under way for too long, or the target does not keep up: nothing has happened.
            return false;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>
    /// On a voter that hears no leader: if that is true of the group, and this replica is the one to succeed (<see cref="Succession"/>), the others make
    /// room and this one stands, instead of all waiting for a timeout. An answer or a vote may be missing the first time, so it is done again while
    /// nobody leads, for as long as <see cref="RaftTimings.ElectionMax"/>; the caller begins anew.
    /// </summary>
    /// <param name="gone">A leader that is known to lead no more: its process is gone, or it said so. Null: nobody is heard, which proves nothing.</param>
    /// <param name="cancellationToken">Ends it in between.</param>
    public async Task SucceedAsync(NodeId? gone, CancellationToken cancellationToken)
    {
        var (term, begun) = (group.Term, time.GetTimestamp());
        while (_isDirected && IsVacant() && time.GetElapsedTime(begun) < timings.ElectionMax)
        {
            var voters = group.Voters();
            var others = voters.Where(voter => voter.Node != gone && voter.Node != peers.Self).ToArray();
            var answers = await peers.AskAllAsync(others, cancellationToken).ConfigureAwait(false);
            if (answers.FirstOrDefault(static answer => answer.Status.IsLeader) is { Status: not null } leading)
            {
                // It has nothing to say at the moment, or has not heard that we are back.
                await peers.TellAsync(leading.Voter.Node, PeerRequestKind.Greet, cancellationToken).ConfigureAwait(false);
                return;
            }

            await DenyAsync(answers, cancellationToken).ConfigureAwait(false);
            var hearing = answers.Count(answer => answer.Status.HeardLeader is { } heard && heard != peers.Self.Value && answer.Status.Term >= group.Term);
            if (!IsVacant() || (gone is null && !Succession.IsVacant(voters.Count, 1 + answers.Count - hearing)))
            {
                return;
            }

            var heir = Succession.Heir(
                group.Id,
                [.. voters.Select(static voter => voter.Node)],
                [(peers.Self, group.Log.Last), .. answers.Where(static answer => answer.Status.IsMember).Select(answer => (answer.Voter.Node, new LogPosition(answer.Status.LastTerm, answer.Status.LastIndex)))]);
            if (heir == peers.Self)
            {
                LogMessages.LeaderSucceeded(logger, group.Id.Value, gone is { } node ? $"node {node} led it and is gone" : "no majority hears a leader");
                await Task.WhenAll(answers.Select(answer => peers.TellAsync(answer.Voter.Node, PeerRequestKind.StandAside, cancellationToken))).ConfigureAwait(false);
                if (await TryStandForElectionAsync(gone is null ? _electionPatience : timings.RequestTimeout, cancellationToken).ConfigureAwait(false))
                {
                    continue;
                }
            }

            // Another is the heir, or it was told so by one who counted otherwise, or there is none yet.
            await UntilAsync(() => !IsVacant(), timings.RequestTimeout, cancellationToken).ConfigureAwait(false);
        }

        // The same node in a later term came back and was elected.
        bool IsVacant() => group.IsVacant || (group.Leader == gone && group.Term == term);
    }

    /// <summary>Whoever believes that this replica leads, which it does not, is told: it cannot find out by itself.</summary>
    private Task DenyAsync(IEnumerable<(GroupVoter Voter, PeerStatus Status)> answers, CancellationToken cancellationToken) => Task.WhenAll(
        answers.Where(answer => answer.Status.HeardLeader == peers.Self.Value)
            .Select(answer => TellVacatedAsync(answer.Voter.Node, answer.Status.Term, isGone: false, cancellationToken)));

    /// <summary>On whoever led in a term and does so no longer: tells another voter, which would not miss it yet.</summary>
    public Task TellVacatedAsync(NodeId node, long term, bool isGone, CancellationToken cancellationToken) => peers.TryTellAsync(
        node, PeerRequestKind.Vacated, new VacatedRequest(group.Id.Value, peers.Self.Value, term, isGone), PeerJson.Default.VacatedRequest, cancellationToken);

    /// <summary>On another voter: makes room for the target until somebody leads, or for as long as an election may take.</summary>
    public async Task StandAsideAsync()
    {
        if (!_isDirected || !await _turn.WaitAsync(TimeSpan.Zero, CancellationToken.None).ConfigureAwait(false))
        {
            return;
        }

        var term = group.Term;
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _ = RunAsync();
        await begun.Task.ConfigureAwait(false);

        async Task RunAsync()
        {
            try
            {
                await StandAsideUntilAsync(() =>
                {
                    begun.SetResult();
                    return UntilAsync(() => group.Term > term && group.Leader is not null, _electionPatience, CancellationToken.None);
                }).ConfigureAwait(false);
            }
            catch (ObjectDisposedException)
            {
                // The replica was closed meanwhile.
            }
            finally
            {
                begun.TrySetResult();
                _turn.Release();
            }
        }
    }

    /// <summary>On the target: stands for election now, and waits until it leads.</summary>
    public Task StandForElectionAsync(CancellationToken cancellationToken) => TryStandForElectionAsync(timings.RequestTimeout, cancellationToken);

    public void Dispose() => _turn.Dispose();

    /// <summary>False: it stands, or stands aside, already.</summary>
    private async Task<bool> TryStandForElectionAsync(TimeSpan patience, CancellationToken cancellationToken)
    {
        if (!_isDirected || !await _turn.WaitAsync(TimeSpan.Zero, CancellationToken.None).ConfigureAwait(false))
        {
            return false;
        }

        try
        {
            await StandAsync(patience, cancellationToken).ConfigureAwait(false);
            return true;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>
    /// Is it there, does it know that it votes (else it does not stand), does its log hold everything that was committed when it was asked, and its state
    /// nearly all of it?
    /// </summary>
    private async Task<bool> FollowsAsync(GroupVoter target, CancellationToken cancellationToken)
    {
        // Taken before asking: while clients write, it would have moved on by the time of the answer.
        var committed = group.CommitIndex;
        return await peers.AskAsync(target, cancellationToken).ConfigureAwait(false) is { } status
            && status.IsMember && status.LastIndex >= committed && status.AppliedIndex >= committed - UnappliedMax;
    }

    /// <summary>Waits until the target holds all of the log, whose end nobody moves; a round brings it what it lacks.</summary>
    private async Task HasAllAsync(GroupVoter target, CancellationToken cancellationToken)
    {
        while (await peers.AskAsync(target, cancellationToken).ConfigureAwait(false) is not { } status || status.LastIndex < group.Log.LastIndex)
        {
            await cluster.ForceReplicationAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Ends when this holds of what is known of the leader, or after that long.</summary>
    private async Task UntilAsync(Func<bool> holds, TimeSpan patience, CancellationToken cancellationToken)
    {
        var led = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        group.LeadershipChanged += Look;
        try
        {
            Look();
            await Task.WhenAny(led.Task, Task.Delay(patience, time, cancellationToken)).ConfigureAwait(false);
        }
        finally
        {
            group.LeadershipChanged -= Look;
        }

        void Look()
        {
            if (holds())
            {
                led.TrySetResult();
            }
        }
    }

    private async Task StandAsync(TimeSpan patience, CancellationToken cancellationToken)
    {
        try
        {
            await cluster.EnableStandbyModeAsync(cancellationToken).ConfigureAwait(false);
            var usual = ElectionInternals.Exchange(cluster, AtOnce);
            try
            {
                await cluster.RevertToNormalModeAsync(CancellationToken.None).ConfigureAwait(false);
            }
            finally
            {
                // Before the vote: a candidate gives up after this time.
                ElectionInternals.Exchange(cluster, usual);
            }

            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(patience);
            await cluster.WaitForLeadershipAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // Not elected: the others go back to normal by themselves, and so did we.
        }
    }

    private async Task StandAsideUntilAsync(Func<Task> meanwhile)
    {
        var usual = ElectionInternals.Exchange(cluster, AtOnce);
        try
        {
            await cluster.EnableStandbyModeAsync(CancellationToken.None).ConfigureAwait(false);
            await meanwhile().ConfigureAwait(false);
        }
        finally
        {
            ElectionInternals.Exchange(cluster, usual);
            await cluster.RevertToNormalModeAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }
}
