using KvRaft.Raft.Log;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Runs;
using KvRaft.Raft.Telemetry;
using KvRaft.Storage;

namespace KvRaft.Raft.Groups;

// The work that no request causes.
public sealed partial class RaftHost
{
    /// <summary>How often each group's log start follows its durable state. The step is cheap, and no caller waits for it.</summary>
    private static readonly TimeSpan HousekeepingPeriod = TimeSpan.FromSeconds(1);

    /// <summary>How often the host checks whether a comparison of replicas is due. One wake-up per minute has no measurable cost.</summary>
    private static readonly TimeSpan ComparisonPeriodMax = TimeSpan.FromMinutes(1);

    /// <summary>One timer for all groups and for the pings to other nodes: an idle node wakes as rarely as possible.</summary>
    private async Task HeartbeatAsync(CancellationToken stoppingToken)
    {
        using var pace = new PeriodicTimer(Options.Timings.HeartbeatInterval, Options.Time);
        while (await pace.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false))
        {
            Watch.OnHeartbeat();
            CompareClocks();
            ForEachGroup("heartbeats", static group => group.OnHeartbeat());
        }
    }

    /// <summary>One group at a time.</summary>
    private async Task CompareAsync(CancellationToken stoppingToken)
    {
        using var pace = new PeriodicTimer(TimeSpan.FromTicks(Math.Min(Options.DigestPeriod.Ticks, ComparisonPeriodMax.Ticks)), Options.Time);
        while (await pace.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false))
        {
            foreach (var group in _groups.Values.Where(static group => group.Comparison.IsDue).ToArray())
            {
                await group.Background.GuardAsync("comparing replicas", () => CompareAsync(group, stoppingToken)).ConfigureAwait(false);
            }
        }
    }

    private async Task CompareAsync(RaftGroup group, CancellationToken stoppingToken)
    {
        try
        {
            await group.Comparison.CompareAsync(stoppingToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is PeerRequestException or ObjectDisposedException or StorageException
            || (error is OperationCanceledException && stoppingToken.IsCancellationRequested))
        {
            LogMessages.DigestsNotCompared(_logger, group.Id.Value, error.Message);
        }
    }

    /// <summary>Compares clocks with every node that shares groups with this one, and with the voters of group 0. A node that runs no group yet has no node to compare with.</summary>
    private void CompareClocks()
    {
        var others = _groups.Values.SelectMany(static group => group.VoterNodes()).ToHashSet();
        if (others.Count == 0)
        {
            return;
        }

        others.Remove(Options.NodeId);
        foreach (var node in others)
        {
            Watch.Follow(node);
        }

        Clock.Compare(Watch.Readings(others), others.Count + 1);
    }

    private async Task HousekeepAsync(CancellationToken stoppingToken)
    {
        using var pace = new PeriodicTimer(HousekeepingPeriod, Options.Time);
        var saved = Options.Time.GetTimestamp();
        while (await pace.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false))
        {
            Log.TryRoom();
            ForEachGroup("housekeeping", group => group.Housekeep(Options.LogEntriesKept));
            MakeRoom();
            if (Options.Time.GetElapsedTime(saved) >= RunBook.SavePeriod)
            {
                saved = Options.Time.GetTimestamp();
                Runs.Save();
            }
        }
    }

    /// <summary>
    /// A cold group pins an old segment: its few entries were never flushed, because nothing fills its memtable. A flush lets
    /// its start move, so that the group does not make the log grow.
    /// </summary>
    private void OnPinned(ReplicaKey key, LogPosition upTo)
    {
        _pins[key] = upTo;
        MakeRoom(key, upTo);
    }

    /// <summary>Segments that could not be released when the log requested it, because a replica in catch-up needed them.</summary>
    private void MakeRoom()
    {
        foreach (var (key, upTo) in _pins)
        {
            if (_groups.TryGetValue(key.Group, out var group) && group.Incarnation == key.Incarnation && group.Log.Start.Index < upTo.Index)
            {
                MakeRoom(key, upTo);
            }
            else
            {
                _pins.TryRemove(new(key, upTo));
            }
        }
    }

    private void MakeRoom(ReplicaKey key, LogPosition upTo)
    {
        if (_groups.TryGetValue(key.Group, out var group) && group.Incarnation == key.Incarnation && _flushing.TryAdd(key, 0))
        {
            LogMessages.LogPinned(_logger, key.Group.Value, upTo.Index);
            _ = group.Background.GuardAsync("making room", () => MakeRoomAsync(group, key, upTo));
        }
    }

    private async Task MakeRoomAsync(RaftGroup group, ReplicaKey key, LogPosition upTo)
    {
        try
        {
            await group.MakeRoomAsync(upTo, _stopping.Token).ConfigureAwait(false);
        }
        catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException)
        {
            // The host stops, or the replica was closed: it pins nothing any more.
        }
        catch (Exception error) when (error is StorageException or IOException or LogFailedException)
        {
            LogMessages.FlushFailed(_logger, key.Group.Value, error);
        }
        finally
        {
            _flushing.TryRemove(key, out _);
        }
    }
}
