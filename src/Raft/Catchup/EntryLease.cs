using KvRaft.Raft.Peers;

namespace KvRaft.Raft.Catchup;

/// <summary>
/// The lease of a replica in catch-up on the entries of every other voter. The voter that leads when the checkpoint is installed then still has the following entries.
/// It lasts until the replica has committed everything that the others had committed a moment before.
/// </summary>
internal sealed class EntryLease(ICatchingUpGroup group, PeerSurvey survey, CheckpointFetcher fetcher, TimeProvider time) : IAsyncDisposable
{
    /// <summary>Between two renewals.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource _stopping = new();
    private volatile Task _holding = Task.CompletedTask;

    /// <summary>The replica is in catch-up.</summary>
    public bool IsHeld => !_holding.IsCompleted;

    /// <summary>Takes the lease, unless it is held. One caller at a time.</summary>
    public void Take()
    {
        if (_holding.IsCompleted && !_stopping.IsCancellationRequested)
        {
            var stopping = _stopping.Token;
            _holding = group.Background.Start("holding a lease on entries", () => HoldAsync(stopping));
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _holding.ConfigureAwait(false);
        _stopping.Dispose();
    }

    private async Task HoldAsync(CancellationToken cancellationToken)
    {
        using var pace = new PeriodicTimer(Period, time);
        var goal = long.MaxValue;
        try
        {
            do
            {
                // An interrupted fetch is useless once the log has advanced this replica past it.
                var isFetching = fetcher.Index > group.CommitIndex;
                await TellAsync(isFetching ? fetcher.Index!.Value : group.CommitIndex, isDone: false, cancellationToken).ConfigureAwait(false);
                var voters = await group.OtherVotersAsync(cancellationToken).ConfigureAwait(false);
                var peers = await survey.AskAllAsync(voters, cancellationToken).ConfigureAwait(false);
                if (!isFetching && group.CommitIndex >= goal)
                {
                    break;
                }

                goal = isFetching || peers.Count == 0 ? long.MaxValue : peers.Max(static peer => peer.Status.CommitIndex);
            }
            while (await pace.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false));

            await TellAsync(group.CommitIndex, isDone: true, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The replica closes: the lease expires by itself.
        }
    }

    private async Task TellAsync(long index, bool isDone, CancellationToken cancellationToken)
    {
        var request = new LeaseRequest(group.Id.Value, survey.Self.Value, index, isDone);
        var voters = await group.OtherVotersAsync(cancellationToken).ConfigureAwait(false);
        await Task.WhenAll(voters.Select(voter => survey.TryTellAsync(
            voter.Node, PeerRequestKind.Lease, request, PeerJson.Default.LeaseRequest, cancellationToken))).ConfigureAwait(false);
    }
}
