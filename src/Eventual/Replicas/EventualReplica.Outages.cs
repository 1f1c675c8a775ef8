using System.Collections.Concurrent;
using System.Globalization;
using KvRaft.Storage;

namespace KvRaft.Eventual.Replicas;

/// <summary>
/// The handling of a full disk, of a refusal by the system, and of damaged files. All of it runs in the writing thread, between rounds; readers and the copy of damaged files only
/// report what they find.
/// </summary>
internal sealed partial class EventualReplica
{
    /// <summary>How often the writer checks what no write shows: background errors of the engine, free space on the disk, the end of a copy.</summary>
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan RebuildDelayFirst = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RebuildDelayMax = TimeSpan.FromMinutes(5);

    /// <summary>Each attempt to reopen the store after a refusal needs descriptors and memory itself.</summary>
    private static readonly TimeSpan RefusedDelayMax = TimeSpan.FromSeconds(30);

    /// <summary>A store that was well for so long begins anew.</summary>
    private static readonly TimeSpan WellAfter = TimeSpan.FromMinutes(30);

    private readonly Func<bool> _hasRoom;
    private readonly HintLedger _nothingOwed;
    private readonly CrowdedKeys _nothingCrowded = new();
    private readonly CancellationTokenSource _ending = new();

    /// <summary>Keys whose record a thread could not decode.</summary>
    private readonly ConcurrentQueue<EventualKey> _suspects = new();

    /// <summary>The fault that a reader found, and the store in which it found it.</summary>
    private volatile Met? _met;

    /// <summary>Not null while damaged files are copied.</summary>
    private Task? _salvage;

    /// <summary>Records that the salvage could not copy. Written before <see cref="_salvage"/> completes, read afterwards.</summary>
    private long _salvageLost;
    private volatile bool _isLookDue;

    /// <summary>Rebuilds for damage in a row, and when the last damage was found. For the writer.</summary>
    private int _rebuilds;
    private long _damagedAt;

    /// <summary>Refusals by the system in a row, and the time of the last one. For the writer.</summary>
    private int _refusals;
    private long _refusedAt;

    /// <summary>The write count of the engine at the last sync, and the last count that was marked (<see cref="StoreMark"/>). For the writer.</summary>
    private long _synced;
    private long _marked;

    /// <summary>Never fails.</summary>
    private Task _marking = Task.CompletedTask;
    private volatile StoreHealth _health = StoreHealth.Well;
    private volatile TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _doubts;

    /// <summary>The state of the store. A caller reads it once per use.</summary>
    public StoreHealth Health => _health;

    /// <summary>Completes when <see cref="Health"/> changes. Take the task before you read the value.</summary>
    public Task HealthChanged => _changed.Task;

    /// <summary>Increases whenever local data was set aside, so that this replica may lack it.</summary>
    public int Doubts => Volatile.Read(ref _doubts);

    /// <summary>Deletes the damaged files that were kept. The caller has fetched from every node since.</summary>
    /// <param name="seen"><see cref="Doubts"/> when the caller began to fetch.</param>
    public void DropSetAside(int seen)
    {
        _closing.EnterReadLock();
        try
        {
            // The writer sets files aside under the write lock, and increments the count first.
            if (seen == Doubts && _store is not null && StoreDirectory.HasDamaged(_directory))
            {
                StoreDirectory.DropDamaged(_directory);
                Change(health => health with { HasSetAside = false });
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The remaining files stay, and the next round of repair tries again.
        }
        finally
        {
            _closing.ExitReadLock();
        }
    }

    private StorageException NotOpen() => Health.Outage?.ToException() ?? new StorageException("The eventual store is closing.");

    /// <exception cref="StorageException">The store cannot be opened, and the reason is neither damage nor a full disk. A refusal by the system also ends the start: an operator
    /// changes an owner or a limit before the node serves.</exception>
    private void OpenFirst()
    {
        Change(health => health with { HasSetAside = StoreDirectory.HasDamaged(_directory) });
        if (StoreDirectory.IsBeingRebuilt(_directory))
        {
            BeginSalvage("it was set aside before this start");
        }
        else
        {
            TryOpen(isFirst: true);
        }
    }

    private void TryOpen(bool isFirst = false)
    {
        try
        {
            var store = ReplicaStore.Open(_directory, _engines, _limits);
            _closing.EnterWriteLock();
            _store = store;
            _closing.ExitWriteLock();
            _hasUnsynced = false;
            Change(static health => health with { Outage = null });
        }
        catch (Exception error) when (StoreOutage.Of(error) is { } outage && !(isFirst && outage.Kind == OutageKind.Refused))
        {
            Suffer(outage);
        }
    }

    private void Close()
    {
        _closing.EnterWriteLock();
        try
        {
            _store?.Dispose();
            _store = null;
        }
        finally
        {
            _closing.ExitWriteLock();
        }
    }

    /// <summary>Enters an outage. On a full disk, and after a refusal by the system, the store stays open for readers.</summary>
    private void Suffer(StoreOutage outage)
    {
        if (outage.Kind == OutageKind.Damage)
        {
            Interlocked.Increment(ref _doubts);
            Close();
            _rebuilds = _time.GetElapsedTime(_damagedAt) > WellAfter ? 1 : _rebuilds + 1;
            _damagedAt = _time.GetTimestamp();
            var delay = RebuildDelay(_rebuilds);
            BeginSalvage(
                delay == TimeSpan.Zero ? outage.Reason : string.Create(CultureInfo.InvariantCulture, $"{outage.Reason} (damaged {_rebuilds} times in a row, so it is rebuilt after {delay.TotalSeconds:0} s)"),
                delay);
        }
        else
        {
            CountRefusal(outage);
            Change(health => health with { Outage = outage });
        }
    }

    private void CountRefusal(StoreOutage outage)
    {
        if (outage.Kind == OutageKind.Refused)
        {
            _refusals = _time.GetElapsedTime(_refusedAt) > WellAfter ? 1 : _refusals + 1;
            _refusedAt = _time.GetTimestamp();
        }
    }

    private void BeginSalvage(string reason, TimeSpan delay = default)
    {
        Change(health => health with { Outage = new StoreOutage(OutageKind.Damage, reason), Rebuilds = health.Rebuilds + 1, HasSetAside = true });
        var marking = _marking;
        (_synced, _marked) = (0, 0);
        _salvage = Task.Run(async () =>
        {
            await marking.ConfigureAwait(false);
            StoreDirectory.SetAside(_directory);
            await Task.Delay(delay, _time, _ending.Token).ConfigureAwait(false);
            _salvageLost = StoreSalvage.Run(_directory, _engines, _limits, _time, _ending.Token);
        });
        _ = _salvage.ContinueWith(_ => LookSoon(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    /// <summary>The first rebuild in a row begins at once; each further one waits twice as long, because files that are damaged again and again are on a bad disk. Pure.</summary>
    internal static TimeSpan RebuildDelay(int rebuilds)
    {
        var delay = rebuilds <= 1 ? TimeSpan.Zero : RebuildDelayFirst * Math.Pow(2, Math.Min(rebuilds - 2, 16));
        return delay < RebuildDelayMax ? delay : RebuildDelayMax;
    }

    /// <summary>The wait before the store is reopened after a refusal by the system, by the number of refusals in a row. Pure.</summary>
    internal static TimeSpan RefusedDelay(int refusals) => RebuildDelay(refusals) is var delay && delay < RefusedDelayMax ? delay : RefusedDelayMax;

    /// <summary>For the writer, before each round.</summary>
    private void Look()
    {
        if (Interlocked.Exchange(ref _met, null) is { } met && met.Store == _store)
        {
            Suffer(new StoreOutage(OutageKind.Damage, met.Damage.Message));
        }

        if (!_isLookDue)
        {
            return;
        }

        _isLookDue = false;
        if (_salvage is { IsCompleted: true } salvage)
        {
            EndSalvage(salvage);
        }
        else if (_salvage is null && Health.Outage is { Kind: not OutageKind.Damage } outage)
        {
            TryAgain(outage);
        }
        else if (Health.Outage is null)
        {
            Probe();
            Mark();
        }
    }

    private void Mark()
    {
        if (_synced == _marked || !_marking.IsCompleted)
        {
            return;
        }

        var writes = _marked = _synced;
        _marking = Task.Run(() =>
        {
            try
            {
                StoreMark.Write(_directory, writes);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // The previous mark still holds. The next sync of the store detects a failed disk.
            }
        });
    }

    private void Probe()
    {
        try
        {
            _store!.Engine.Probe();
        }
        catch (StorageException fault) when (StoreOutage.Of(fault) is { } outage)
        {
            Suffer(outage);
        }
    }

    private void TryAgain(StoreOutage outage)
    {
        if (!_hasRoom() || (outage.Kind == OutageKind.Refused && _time.GetElapsedTime(_refusedAt) < RefusedDelay(_refusals)))
        {
            return;
        }

        Close();
        if (StoreDirectory.IsBeingRebuilt(_directory))
        {
            BeginSalvage("its copy was interrupted");
        }
        else
        {
            TryOpen();
        }
    }

    private void EndSalvage(Task salvage)
    {
        _salvage = null;
        if (salvage.IsCompletedSuccessfully)
        {
            Change(health => health with { RecordsLost = health.RecordsLost + Math.Max(0, _salvageLost) });
            TryOpen();
        }
        else if (salvage.Exception?.GetBaseException() is { } error)
        {
            if (StoreOutage.Of(error) is not { Kind: not OutageKind.Damage } outage)
            {
                throw new StorageException($"The damaged store of eventual keys cannot be copied: {error.Message}", error);
            }

            CountRefusal(outage);
            Change(health => health with { Outage = outage });
        }
    }

    private async Task EndSalvageAsync()
    {
        if (!_closed)
        {
            await _ending.CancelAsync().ConfigureAwait(false);
            if (_salvage is { } salvage)
            {
                await salvage.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            _ending.Dispose();
        }
    }

    /// <summary>Moves records that cannot be decoded out of the records; see <see cref="ReplicaBatch.SetDamagedAside"/>.</summary>
    private void SetRecordsAside(ReplicaStore store)
    {
        while (_suspects.TryDequeue(out var key))
        {
            Interlocked.Increment(ref _doubts);
            var count = store.Batch.SetDamagedAside(key, store.Trees);
            if (count > 0)
            {
                _hasUnsynced = true;
                Change(health => health with { RecordsSetAside = health.RecordsSetAside + count });
            }
        }
    }

    private void Suspect(EventualKey key)
    {
        _suspects.Enqueue(key);
        LookSoon();
    }

    private void Suspect(StorageCorruptionException damage)
    {
        _met = new Met(_store, damage);
        LookSoon();
    }

    private void LookSoon()
    {
        _isLookDue = true;

        // If the queue is full, the writer wakes without this.
        _queue.Writer.TryWrite(new Pending(default, new Nothing(), durable: false));
    }

    private void Change(Func<StoreHealth, StoreHealth> change)
    {
        TaskCompletionSource changed;
        lock (_suspects)
        {
            _health = change(_health);
            changed = _changed;
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        changed.TrySetResult();
    }

    private sealed record Met(ReplicaStore? Store, StorageCorruptionException Damage);
}
