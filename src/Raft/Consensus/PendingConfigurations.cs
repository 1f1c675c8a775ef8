using System.Collections.Concurrent;
using DotNext.Net.Cluster.Consensus.Raft.Membership;
using KvRaft.Raft.Log;
using KvRaft.Raft.Telemetry;
using KvRaft.Storage;
using KvRaft.Topology;
using Microsoft.Extensions.Logging;
using LogEntry = KvRaft.Raft.Log.LogEntry;

namespace KvRaft.Raft.Consensus;

/// <summary>
/// The configurations of a log that the member storage does not have yet. Configurations take effect as soon as they are committed, before any data that is still to be applied: a follower that
/// campaigned with a member list two changes old could win with a majority that is no longer one.
/// <para>Not thread-safe: <see cref="GroupAuditTrail"/> calls it inside its gate. Only <see cref="Detach"/> may be called outside. Saves run in order, one at a time, outside the gate.</para>
/// </summary>
/// <param name="log">The log that has them.</param>
/// <param name="progress">No index from a configuration on counts as applied until the configuration is saved.</param>
/// <param name="storage">The member storage; null until DotNext sets it, which it does before it commits anything.</param>
/// <param name="logger">Reports each save.</param>
internal sealed class PendingConfigurations(GroupLog log, ApplyProgress progress, Func<IClusterConfigurationStorage?> storage, ILogger logger)
{
    /// <summary>Indices of configuration entries above the last saved one, ascending.</summary>
    private readonly SortedSet<long> _indices = [];

    /// <summary>Indices that were handed to the member storage and are not saved yet, in order.</summary>
    private readonly ConcurrentQueue<long> _unsaved = new();

    private volatile bool _isDetached;

    /// <summary>Raised, outside the gate, after each save. Must be quick.</summary>
    public event Action? Changed;

    /// <summary>Raised, outside the gate, if a configuration cannot be saved for another reason than a lack of room or access: nothing behind it will be applied any more.</summary>
    public event Action<Exception>? Failed;

    /// <summary>Completes when every configuration that has been handed to the member storage is saved.</summary>
    public Task Saved { get; private set; } = Task.CompletedTask;

    /// <summary>The last index before the oldest configuration that is committed and not saved. Any thread.</summary>
    public long SavedUpTo => _unsaved.TryPeek(out var oldest) ? oldest - 1 : long.MaxValue;

    /// <summary>A configuration waits for its commit, or a committed one is not in the member storage yet.</summary>
    public bool AreOpen => _indices.Count > 0 || !Saved.IsCompleted;

    public bool IsDetached => _isDetached;

    /// <summary>The replica closes: a save does not wait for space any more.</summary>
    public void Detach() => _isDetached = true;

    /// <summary>Reads the log from an index on. Called once, at the start.</summary>
    public void Find(long from)
    {
        // As many as fit into a few MiB: this runs once per group at start.
        const int Chunk = 1024;
        for (var index = Math.Max(from, log.Start.Index + 1); index <= log.LastIndex; index += Chunk)
        {
            foreach (var entry in log.Read(index, Math.Min(log.LastIndex, index + Chunk - 1)))
            {
                if (entry.Kind == LogEntryKind.Configuration)
                {
                    _indices.Add(entry.Index);
                }
            }
        }
    }

    public void OnAppended(long index) => _indices.Add(index);

    /// <summary>The log is truncated from this index on.</summary>
    public void OnTruncated(long from) => _indices.RemoveWhere(index => index >= from);

    /// <summary>The log begins anew after <paramref name="start"/>, and ends at <paramref name="lastIndex"/>.</summary>
    public void OnReset(long start, long lastIndex) => _indices.RemoveWhere(index => index <= start || index > lastIndex);

    /// <summary>Hands the configurations up to the commit index to the member storage.</summary>
    public void Save(long committed)
    {
        while (_indices.Count > 0 && _indices.Min is var index && index <= committed)
        {
            _indices.Remove(index);
            var entry = log.Read(index, index)[0];
            _unsaved.Enqueue(index);
            Saved = SaveAfterAsync(Saved, entry);
            progress.HoldAt(index, Saved);
        }
    }

    /// <summary>
    /// A leader appends a configuration only after an entry of its own term, behind all earlier configurations, was committed. So those are
    /// committed, even if the commit index did not arrive here. They are saved before the new one is acknowledged. Otherwise a replica that helped to commit a
    /// configuration and then campaigned with a list two changes older, after a crash or without a message from the leader,
    /// could win with a majority that does not intersect the new one.
    /// </summary>
    public Task SaveBefore(long index)
    {
        Save(index - 1);
        return Saved;
    }

    /// <summary>Saves all but the last one, which are certainly committed (see <see cref="SaveBefore"/>).</summary>
    public Task SaveEarlier() => _indices.Count > 1 ? SaveBefore(_indices.Max) : Task.CompletedTask;

    private async Task SaveAfterAsync(Task previous, LogEntry entry)
    {
        // Not under the gate: the storage calls back into DotNext.
        await Task.Yield();
        await previous.ConfigureAwait(false);
        var members = storage();
        Invariant.Holds(members is not null, "DotNext sets the member storage before it commits anything.");
        try
        {
            // No index from this configuration on counts as applied until it is saved.
            await MemberSaves.SaveAsync(members, entry, () => !_isDetached, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception error) when (!_isDetached)
        {
            Failed?.Invoke(error);
            throw;
        }

        LogMessages.ConfigurationSaved(logger, log.Key.Group.Value, entry.Index);
        _unsaved.TryDequeue(out _);
        Changed?.Invoke();
    }
}
