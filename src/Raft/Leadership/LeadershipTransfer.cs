using DotNext.Net.Cluster;
using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Consensus;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Options;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Proposals;
using KvRaft.Raft.Telemetry;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Leadership;

/// <summary>
/// Transfers leadership to a chosen voter. DotNext can only step down, which leaves the successor to chance and costs an election timeout without a
/// leader. Here the leader holds proposals back until none is in progress and the target's log holds all of the leader's entries (Ongaro's dissertation, section
/// 3.10). It requests the other voters to stand aside (they vote and replicate, but do not campaign, and do not reject the target for the old leader's sake), stands aside
/// itself, and requests the target to campaign at once. If a step fails, all voters return to normal within a moment: if the target did not win, the
/// old leader campaigns again; in the worst case an ordinary election follows. Proposals held back were never appended, and their result states it.
/// </summary>
internal sealed class LeadershipTransfer(
    ILedGroup group, RaftCluster cluster, ProposalQueue proposals, PeerSurvey peers, RaftTimings timings, TimeProvider time, ILogger logger) : IDisposable
{
    /// <summary>Milliseconds. Not 0, which would be no timeout at all.</summary>
    private const int AtOnce = 1;

    /// <summary>Entries that the target may still have to apply, which it does before it serves: some milliseconds' worth.</summary>
    private const int UnappliedMax = 64;

    /// <summary>
    /// How long a voter that does not answer can delay clients: some round trips on a busy machine. A voter that answers later stands aside later, and may give no
    /// vote until then; a majority does not need it.
    /// </summary>
    private static readonly TimeSpan AsidePatience = TimeSpan.FromMilliseconds(100);

    private readonly SemaphoreSlim _turn = new(1);

    /// <summary>
    /// How long an election with a silent voter may take: DotNext waits for each voter's answer, first to the pre-vote and then
    /// to the vote, and a silent voter answers neither; then the new leader confirms its term. If every voter answers or is certainly dead, one request's time is enough.
    /// </summary>
    public TimeSpan ElectionPatience { get; } = 3 * timings.RequestTimeout;

    /// <summary>True if elections can be directed at all.</summary>
    public bool IsDirected { get; } = ElectionInternals.IsUsable(cluster, timings);

    /// <summary>Called on the leader. True if it no longer leads; then the target leads, unless another event intervened.</summary>
    public async Task<bool> ToAsync(GroupVoter target, CancellationToken cancellationToken)
    {
        if (!IsDirected)
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
            // From here on clients wait, and the log's end is final. Otherwise other voters could hold entries that the target lacks, and would not vote for it.
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
                // The target did not win. There is no leader, and the previous leader can lead again sooner than after a timeout.
                await StandAsync(timings.RequestTimeout, cancellationToken).ConfigureAwait(false);
            }

            return !group.IsLeader;
        }
        catch (Exception error) when (error is NotLeaderException || (error is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // Proposals were in progress for too long, or the target does not keep up: nothing has changed.
            return false;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>On another voter: stands aside for the target until there is a leader, or for as long as an election may take.</summary>
    public async Task StandAsideAsync()
    {
        if (!IsDirected || !await _turn.WaitAsync(TimeSpan.Zero, CancellationToken.None).ConfigureAwait(false))
        {
            return;
        }

        var term = group.Term;
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _ = group.Background.GuardAsync("standing aside", RunAsync);
        await begun.Task.ConfigureAwait(false);

        async Task RunAsync()
        {
            try
            {
                await StandAsideUntilAsync(() =>
                {
                    begun.SetResult();
                    return UntilAsync(() => group.Term > term && group.Leader is not null, ElectionPatience, CancellationToken.None);
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

    /// <summary>On the target: campaigns now, and waits until it leads.</summary>
    public Task StandForElectionAsync(CancellationToken cancellationToken) =>
        group.MayLead ? TryStandAsync(timings.RequestTimeout, cancellationToken) : Task.CompletedTask;

    /// <summary>The same, with a time limit. False: it campaigns, or stands aside, already.</summary>
    public async Task<bool> TryStandAsync(TimeSpan patience, CancellationToken cancellationToken)
    {
        if (!IsDirected || !await _turn.WaitAsync(TimeSpan.Zero, CancellationToken.None).ConfigureAwait(false))
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

    /// <summary>Ends when the condition holds for the view of the leader, or after the time limit.</summary>
    public async Task UntilAsync(Func<bool> holds, TimeSpan patience, CancellationToken cancellationToken)
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

    public void Dispose() => _turn.Dispose();

    /// <summary>
    /// True if the target answers, is a voter in its own view (otherwise it does not campaign), holds all entries that were committed before the query, and has applied
    /// nearly all of them. Its clock must be correct, unless this node's clock is wrong, too, or this replica cannot serve.
    /// </summary>
    private async Task<bool> FollowsAsync(GroupVoter target, CancellationToken cancellationToken)
    {
        // Read before the query: while clients write, it would have moved on by the time of the answer.
        var committed = group.CommitIndex;
        return await peers.AskAsync(target, cancellationToken).ConfigureAwait(false) is { } status
            && status.IsMember && status is { IsWhole: true, HasRoom: true } && status.LastIndex >= committed && status.AppliedIndex >= committed - UnappliedMax
            && (!status.IsSkewed || group.IsNodeSkewed || !group.IsRunning);
    }

    /// <summary>Waits until the target holds the whole log, whose end is fixed; a round sends it the entries that it lacks.</summary>
    private async Task HasAllAsync(GroupVoter target, CancellationToken cancellationToken)
    {
        while (await peers.AskAsync(target, cancellationToken).ConfigureAwait(false) is not { } status || status.LastIndex < group.Log.LastIndex)
        {
            await cluster.ForceReplicationAsync(cancellationToken).ConfigureAwait(false);
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
            // Not elected: all voters, this one included, return to normal by themselves.
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
