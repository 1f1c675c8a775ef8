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
/// Hands leadership to a chosen voter. DotNext can only step down and let chance decide, which also costs an election timeout without a
/// leader. Here the leader holds proposals back until nothing is under way and the target's log holds all of its own (Ongaro's dissertation, section
/// 3.10), asks the other voters to stand aside (they vote and replicate, but do not stand, and do not insist on the old leader), stands aside
/// itself, and asks the target to stand at once. Whatever fails on the way, everybody is back to normal within a moment: if the target did not win, the
/// old leader stands again, and at worst an ordinary election follows. What was held back was never appended, and is answered so.
/// </summary>
internal sealed class LeadershipTransfer(
    ILedGroup group, RaftCluster cluster, ProposalQueue proposals, PeerSurvey peers, RaftTimings timings, TimeProvider time, ILogger logger) : IDisposable
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

    private readonly SemaphoreSlim _turn = new(1);

    /// <summary>
    /// How long an election may take that a silent voter takes part in: DotNext waits for each voter's answer, first to the question whether it would vote and then
    /// for its vote, and a silent one answers neither; then the new leader confirms its term. Where every voter answers, or is known to be dead, one request's time is enough.
    /// </summary>
    public TimeSpan ElectionPatience { get; } = 3 * timings.RequestTimeout;

    /// <summary>Whether elections can be directed at all.</summary>
    public bool IsDirected { get; } = ElectionInternals.IsUsable(cluster, timings);

    /// <summary>On the leader. True when it no longer leads; who leads then is the target, unless something came in between.</summary>
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

    /// <summary>On another voter: makes room for the target until somebody leads, or for as long as an election may take.</summary>
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

    /// <summary>On the target: stands for election now, and waits until it leads.</summary>
    public Task StandForElectionAsync(CancellationToken cancellationToken) =>
        group.MayLead ? TryStandAsync(timings.RequestTimeout, cancellationToken) : Task.CompletedTask;

    /// <summary>The same, for that long. False: it stands, or stands aside, already.</summary>
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

    /// <summary>Ends when this holds of what is known of the leader, or after that long.</summary>
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
    /// Is it there, does it know that it votes (else it does not stand), does its log hold everything that was committed when it was asked, and its state
    /// nearly all of it? And is its clock right, unless that of this node is wrong, too, or this replica cannot serve?
    /// </summary>
    private async Task<bool> FollowsAsync(GroupVoter target, CancellationToken cancellationToken)
    {
        // Taken before asking: while clients write, it would have moved on by the time of the answer.
        var committed = group.CommitIndex;
        return await peers.AskAsync(target, cancellationToken).ConfigureAwait(false) is { } status
            && status.IsMember && status is { IsWhole: true, HasRoom: true } && status.LastIndex >= committed && status.AppliedIndex >= committed - UnappliedMax
            && (!status.IsSkewed || group.IsNodeSkewed || !group.IsRunning);
    }

    /// <summary>Waits until the target holds all of the log, whose end nobody moves; a round brings it what it lacks.</summary>
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
