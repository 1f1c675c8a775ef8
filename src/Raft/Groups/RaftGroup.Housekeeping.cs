using KvRaft.Raft.Log;
using KvRaft.Raft.Telemetry;
using KvRaft.Storage;

namespace KvRaft.Raft.Groups;

// Flush, and truncation of the log.
public sealed partial class RaftGroup
{
    /// <summary>
    /// Makes the state durable and truncates the log entries that are no longer needed.
    /// </summary>
    /// <param name="keepEntries">Entries below the durable position that are kept for lagging followers.</param>
    /// <param name="cancellationToken">Ends the wait for exclusive access to the state machine.</param>
    public Task FlushAsync(int keepEntries, CancellationToken cancellationToken) => _retention.FlushAsync(keepEntries, cancellationToken);

    /// <summary>As above; the log keeps as many entries as after any other flush.</summary>
    public Task FlushAsync(CancellationToken cancellationToken) => FlushAsync(_host.Options.LogEntriesKept, cancellationToken);

    /// <inheritdoc cref="LogRetention.MakeRoomAsync"/>
    internal Task MakeRoomAsync(LogPosition upTo, CancellationToken cancellationToken) => _retention.MakeRoomAsync(upTo, cancellationToken);

    /// <inheritdoc cref="LogRetention.ForgetDurable"/>
    internal void ForgetDurable(int keepEntries) => _retention.ForgetDurable(keepEntries);

    /// <summary>Runs once a second: truncates the log, deletes checkpoints that are no longer fetched, and checks for faults that no request has met yet.</summary>
    internal void Housekeep(int keepEntries)
    {
        try
        {
            ForgetDurable(keepEntries);
            Checkpoints.Tidy();
            if (_health.IsRunning)
            {
                _machine.Probe();
                _retention.RestIfIdle();
            }
        }
        catch (Exception error) when (error is ObjectDisposedException or LogFailedException or IOException)
        {
            // The replica closes; or the log failed and the node with it; or a directory could not be deleted, and the next run tries again.
            LogMessages.HousekeepingSkipped(_logger, Id.Value, error.Message);
        }
    }
}
