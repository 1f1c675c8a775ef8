using KvRaft.Raft.Consensus;
using KvRaft.Raft.Log;
using KvRaft.Raft.Options;
using KvRaft.Raft.Telemetry;
using KvRaft.Storage;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Groups;

/// <summary>
/// Makes the state of a replica durable, and moves the start of its log behind it. The log start never passes the durable position of the state machine: the state could not be replayed after
/// the next start.
/// <para>Thread-safe, except <see cref="RestIfIdle"/>, which has one caller at a time.</para>
/// </summary>
/// <param name="group">The replica.</param>
/// <param name="applier">Gives exclusive access to the state machine.</param>
/// <param name="nodeLog">The log of the node, whose size decides how long entries are kept for a replica in catch-up.</param>
/// <param name="options">The bounds.</param>
/// <param name="rests">Limits the flush of idle replicas of the node to one at a time.</param>
/// <param name="logger">Reports a failed flush.</param>
/// <param name="stoppingToken">The replica closes.</param>
internal sealed class LogRetention(
    IRetainedGroup group, Applier applier, NodeLog nodeLog, RaftHostOptions options, SemaphoreSlim rests, ILogger logger, CancellationToken stoppingToken)
{
    /// <summary>The index applied at the last run of <see cref="RestIfIdle"/>, the time since then, and whether the replica was flushed as idle since.</summary>
    private long _appliedAtLook = -1;

    private long _appliedAt;
    private bool _hasRested;

    /// <summary>The flush of an idle replica; completed if there is none.</summary>
    public Task Resting { get; private set; } = Task.CompletedTask;

    /// <summary>Makes the state durable and truncates the log entries that are no longer needed.</summary>
    /// <param name="keepEntries">Entries below the durable position that are kept for lagging followers.</param>
    /// <param name="cancellationToken">Ends the wait for exclusive access to the state machine.</param>
    public async Task FlushAsync(int keepEntries, CancellationToken cancellationToken)
    {
        await FlushBetweenAppliesAsync(cancellationToken).ConfigureAwait(false);
        ForgetDurable(keepEntries);
    }

    /// <summary>
    /// Moves the log start up to a position, because the log exceeds its size limit, and flushes the state first if necessary. Later entries are kept for
    /// lagging followers: without them, a follower that is a few entries behind at that moment would need a whole checkpoint.
    /// </summary>
    public async Task MakeRoomAsync(LogPosition upTo, CancellationToken cancellationToken)
    {
        if (group.Machine.Durable.Index < upTo.Index)
        {
            await FlushBetweenAppliesAsync(cancellationToken).ConfigureAwait(false);
        }

        MoveStart(upTo.Index);
    }

    /// <summary>Moves the log start up to the durable position of the state machine, and keeps some entries for lagging followers.</summary>
    public void ForgetDurable(int keepEntries) => MoveStart(Math.Min(group.Machine.Durable.Index, group.Machine.Applied.Index) - keepEntries);

    /// <summary>
    /// A replica that applied nothing for a while is flushed. The flush releases write buffers, log and disk space. It runs once after each busy period, for one replica of
    /// the node at a time; no caller waits for it.
    /// </summary>
    public void RestIfIdle()
    {
        var applied = group.Machine.Applied.Index;
        if (applied != _appliedAtLook)
        {
            (_appliedAtLook, _appliedAt, _hasRested) = (applied, options.Time.GetTimestamp(), applied == 0);
            return;
        }

        if (!_hasRested && Resting.IsCompleted && group.HasRoom && options.Time.GetElapsedTime(_appliedAt) >= options.RestAfter)
        {
            _hasRested = true;
            Resting = group.Background.Start("resting", RestAsync);
        }
    }

    /// <summary>
    /// A clean stop leaves little to replay. If the disk fails, a clean stop is not possible, but the engine must be closed nevertheless:
    /// nothing is lost, because the log has the entries that the engine lacks.
    /// </summary>
    public void FlushBeforeClosing()
    {
        try
        {
            group.Machine.Flush();
            ForgetDurable(options.LogEntriesKept);
        }
        catch (Exception error) when (error is StorageException or IOException or LogFailedException)
        {
            LogMessages.FlushFailed(logger, group.Id.Value, error);
        }
    }

    private async Task RestAsync()
    {
        try
        {
            await rests.WaitAsync(stoppingToken).ConfigureAwait(false);
            try
            {
                await FlushAsync(options.LogEntriesKept, stoppingToken).ConfigureAwait(false);
                MoveStart(group.Log.StartOfLast(options.LogBytesKeptAtRest).Index);
                group.Machine.Rest();
            }
            finally
            {
                rests.Release();
            }
        }
        catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException)
        {
            // Closing.
        }
        catch (Exception error) when (error is StorageException or IOException or LogFailedException)
        {
            LogMessages.FlushFailed(logger, group.Id.Value, error);
        }
    }

    private Task FlushBetweenAppliesAsync(CancellationToken cancellationToken) => applier.BetweenAppliesAsync<bool>(
        static machine =>
        {
            machine.Flush();
            return true;
        },
        cancellationToken);

    /// <summary>
    /// Moves the log start, but never beyond the durable position of the state machine, nor beyond the entries that a replica in catch-up needs: a copy that takes longer than
    /// the log is kept would restart for ever. If the log exceeds twice its bound, it is not kept for any replica.
    /// </summary>
    private void MoveStart(long start)
    {
        start = Math.Min(start, Math.Min(group.Machine.Durable.Index, group.Machine.Applied.Index));
        if (nodeLog.Statistics.SegmentBytes <= 2 * options.LogBytesRetainedMax)
        {
            start = Math.Min(start, group.NeededFrom);
        }

        // Another caller may truncate more at the same moment: the present start and its term are read in one call.
        if (group.IsIntact && group.Log.TryPositionAt(start) is { } position)
        {
            group.Log.SetStart(position);
        }
    }
}
