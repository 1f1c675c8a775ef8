using KvRaft.Raft.Options;
using KvRaft.Raft.Proposals;
using KvRaft.Raft.Reads;
using KvRaft.Storage;

namespace KvRaft.Raft.Groups;

// Proposals, and reads that need the leader.
public sealed partial class RaftGroup
{
    /// <summary>
    /// Proposes a command to the group and waits until it is applied on this replica. The token ends the wait, not the command: if the caller
    /// gives up after the command was proposed, the result is <see cref="ProposalStatus.Unknown"/>. Raft failures are returned, not thrown.
    /// </summary>
    public ValueTask<ProposalResult> ProposeAsync(ReadOnlyMemory<byte> command, CancellationToken cancellationToken) =>
        ProposeAsync(command, command.Length, cancellationToken);

    /// <inheritdoc cref="ProposeAsync(ReadOnlyMemory{byte}, CancellationToken)"/>
    /// <param name="command">The command.</param>
    /// <param name="weight">
    /// Bytes that the command changes when it is applied, if they exceed its own size. The weight counts towards <see cref="RaftGroupLimits.EntryBytesMax"/>; a command
    /// with a larger weight gets an entry of its own. So the memory needed to apply an entry is bounded, too.
    /// </param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public ValueTask<ProposalResult> ProposeAsync(ReadOnlyMemory<byte> command, int weight, CancellationToken cancellationToken) =>
        _health.IsRunning
            ? _host.Log.HasRoomFor(command.Length)
                ? _queue.ProposeAsync(command, weight, cancellationToken)
                : new(new ProposalResult(ProposalStatus.NoRoom, null, LogPosition.None, Leader))
            : new(new ProposalResult(ProposalStatus.Stopped, null, LogPosition.None, Leader));

    /// <summary>
    /// When it passes, all writes that any replica acknowledged before this call are visible in this replica's state machine. One quorum
    /// round serves all callers that waited for it; nothing is written. In group 0 the same round sends the commit index to the followers, because their routing depends on it.
    /// </summary>
    /// <exception cref="OperationCanceledException">The token was cancelled first.</exception>
    public async ValueTask<ReadBarrierResult> ReadBarrierAsync(CancellationToken cancellationToken)
    {
        var status = !_health.IsRunning ? ReadBarrierStatus.NotLeader
            : await (Id.IsPlacement ? _barrier.WaitForHeartbeatAsync(cancellationToken) : _barrier.WaitAsync(cancellationToken)).ConfigureAwait(false);
        return new ReadBarrierResult(status, status == ReadBarrierStatus.Passed ? null : Leader);
    }

    /// <summary>
    /// Brings this replica, leader or follower, up to date with the leader. If the result is true, all writes that any replica acknowledged before
    /// this call are visible in this replica's state machine. The result is false if this could not be achieved before the token was cancelled.
    /// Callers share one barrier for their readers; calls are served one after the other.
    /// </summary>
    public async Task<bool> TryCatchUpWithLeaderAsync(CancellationToken cancellationToken)
    {
        if (!_health.IsRunning)
        {
            return false;
        }

        if (!IsLeader)
        {
            return await _followerBarrier.TryPassAsync(cancellationToken).ConfigureAwait(false);
        }

        try
        {
            return (await ReadBarrierAsync(cancellationToken).ConfigureAwait(false)).Status == ReadBarrierStatus.Passed;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Waits until this replica has a leader.</summary>
    public Task WaitForLeaderAsync(CancellationToken cancellationToken) =>
        _cluster.WaitForLeaderAsync(Timeout.InfiniteTimeSpan, cancellationToken);

    /// <summary>Waits until everything up to an index is applied on this replica.</summary>
    public ValueTask WaitForApplyAsync(long index, CancellationToken cancellationToken) => _progress.WaitAsync(index, cancellationToken);

    private void OnApplied(LogPosition position, EntryId? id, IReadOnlyList<Outcome> outcomes)
    {
        _clock.OnApplied();
        _proposals.OnApplied(position, id, outcomes);
    }

    /// <summary>Group 0 has few writers; they are never slowed.</summary>
    private TimeSpan PauseAfter(int bytes) => Id.IsPlacement ? TimeSpan.Zero : _host.PauseAfter(bytes);
}
