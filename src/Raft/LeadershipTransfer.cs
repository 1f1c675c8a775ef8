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
/// leader. Here the leader makes sure that the target's log holds everything committed, asks the other voters to stand aside (they vote
/// and replicate, but do not stand, and do not insist on the old leader), stands aside itself, and asks the target to stand at once.
/// Whatever fails on the way, everybody is back to normal within a moment and an ordinary election follows.
/// </summary>
internal sealed class LeadershipTransfer(
    RaftGroup group, RaftCluster cluster, PeerSurvey peers, RaftTimings timings, TimeProvider time, ILogger logger) : IDisposable
{
    /// <summary>Milliseconds. Not 0, which would be no timeout at all.</summary>
    private const int AtOnce = 1;

    private readonly bool _isDirected = ElectionInternals.IsUsable(cluster, timings);
    private readonly SemaphoreSlim _turn = new(1);

    /// <summary>On the leader. True when it no longer leads; who leads then is the target, unless something came in between.</summary>
    public async Task<bool> ToAsync(GroupVoter target, CancellationToken cancellationToken)
    {
        if (!_isDirected)
        {
            return await ((ICluster)cluster).ResignAsync(cancellationToken).ConfigureAwait(false);
        }

        // Taken before asking: while clients write, it would have moved on by the time of the answer.
        var committed = group.CommitIndex;
        var status = await peers.AskAsync(target, cancellationToken).ConfigureAwait(false);
        if (status is null || status.LastIndex < committed || !await _turn.WaitAsync(TimeSpan.Zero, CancellationToken.None).ConfigureAwait(false))
        {
            return false;
        }

        try
        {
            var request = new PeerGroupRequest(group.Id.Value);
            var others = group.Voters().Where(voter => voter != target && voter.Node != peers.Self);
            await Task.WhenAll(others.Select(voter => peers.TryTellAsync(voter.Node, PeerRequestKind.StandAside, request, cancellationToken)))
                .ConfigureAwait(false);
            await StandAsideUntilAsync(
                () => peers.TryTellAsync(target.Node, PeerRequestKind.StandForElection, request, cancellationToken)).ConfigureAwait(false);
            LogMessages.LeadershipHandedOver(logger, group.Id.Value, target.Node.Value);
            return !group.IsLeader;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>
    /// On a follower whose leader's process is gone: if this replica is the one to succeed it (<see cref="Succession"/>), the others make
    /// room and this one stands, instead of all waiting for a timeout.
    /// </summary>
    public async Task SucceedAsync(NodeId gone, CancellationToken cancellationToken)
    {
        if (!_isDirected)
        {
            return;
        }

        var voters = group.Voters();
        var others = voters.Where(voter => voter.Node != gone && voter.Node != peers.Self).ToArray();
        var answers = await peers.AskAllAsync(others, cancellationToken).ConfigureAwait(false);
        var heir = Succession.Heir(
            group.Id,
            [.. voters.Select(static voter => voter.Node)],
            [(peers.Self, group.Log.Last), .. answers.Select(answer => (answer.Voter.Node, new LogPosition(answer.Status.LastTerm, answer.Status.LastIndex)))]);
        if (heir != peers.Self || group.Leader != gone || answers.Any(answer => answer.Status.IsLeader))
        {
            return;
        }

        LogMessages.LeaderSucceeded(logger, group.Id.Value, gone.Value);
        var request = new PeerGroupRequest(group.Id.Value);
        await Task.WhenAll(answers.Select(answer => peers.TryTellAsync(answer.Voter.Node, PeerRequestKind.StandAside, request, cancellationToken)))
            .ConfigureAwait(false);
        await StandForElectionAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>On another voter: makes room for the target until somebody leads, or for as long as a request may take.</summary>
    public async Task StandAsideAsync()
    {
        if (!_isDirected || !await _turn.WaitAsync(TimeSpan.Zero, CancellationToken.None).ConfigureAwait(false))
        {
            return;
        }

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
                    return Task.Delay(timings.RequestTimeout, time);
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
    public async Task StandForElectionAsync(CancellationToken cancellationToken)
    {
        if (!_isDirected || !await _turn.WaitAsync(TimeSpan.Zero, CancellationToken.None).ConfigureAwait(false))
        {
            return;
        }

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
            limit.CancelAfter(timings.RequestTimeout);
            await cluster.WaitForLeadershipAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // Not elected: the others go back to normal by themselves, and so did we.
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

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
