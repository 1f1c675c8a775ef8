using System.Threading.Channels;
using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Trees;
using KvRaft.Storage;
using KvRaft.Storage.Engine;
using KvRaft.Topology;

namespace KvRaft.Eventual.Replicas;

/// <summary>
/// The copies of eventual keys on the disk of this node.
/// <para>
/// <b>One writer.</b> All writes of the node enter one queue. The writer takes all waiting writes in one round: it reads, decides
/// (<see cref="RecordRules"/>), and commits one engine batch with records, hints and tree hashes, with one sync. So a read-modify-write of a key needs no
/// lock, and one sync serves all waiting writes.
/// </para>
/// <para>
/// <b>Durability.</b> A durable write is answered after the sync, and counts towards W only then. A write that is not durable is
/// answered when the operating system has it. It survives the end of the process, but not a power loss.
/// </para>
/// <para>
/// <b>Why not the log of the node.</b> The replicated log is truncated by what groups have flushed, and it replays into groups; its entries are
/// agreed on before they are applied. A record here is a merge of earlier states and has no place in an agreed order. A shared
/// log would save one of two syncs when both kinds of keyspace are written in the same millisecond, and would give
/// every record of a simple format a second meaning. So this store uses the journal of its own engine, with one sync per
/// round.
/// </para>
/// <para>
/// <b>Memory.</b> A replica that may have lost its own writes takes a new identity (<see cref="ReplicaIncarnation"/>). For the same reason it may
/// send a write to other nodes before the local sync.
/// </para>
/// <para>
/// <b>Disks.</b> A full disk, a refusal by the system (no descriptor, no memory, no access) or a damaged file stops neither the replica nor the node
/// (<see cref="StoreOutage"/>). If the disk is full or the system refuses, writes are refused, reads continue, and the store is reopened later.
/// Damaged files are set aside, and a new store is built from their readable part (<see cref="StoreSalvage"/>) and, by tree comparison, from the other
/// nodes. If a write or
/// a sync fails for another reason, the replica stops: <see cref="Failure"/>.
/// </para>
/// Thread-safe.
/// </summary>
internal sealed partial class EventualReplica : IAsyncDisposable
{
    /// <summary>Bytes of records after which a page of a scan ends: hundreds of large records would be hundreds of megabytes.</summary>
    private const int PageBytesEnough = 4 << 20;

    private readonly string _directory;
    private readonly IEngineFactory _engines;
    private readonly EventualLimits _limits;
    private readonly TimeProvider _time;
    private readonly Channel<Pending> _queue;
    private readonly TaskCompletionSource _failure = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ReaderWriterLockSlim _closing = new();
    private readonly Task _writer;
    private readonly ITimer _looks;
    private bool _closed;

    /// <summary>Null while the store is not open. The writer replaces it, under the lock <see cref="_closing"/>.</summary>
    private volatile ReplicaStore? _store;

    /// <summary>There were writes after the last sync. For the writer.</summary>
    private bool _hasUnsynced;

    private EventualReplica(string directory, IEngineFactory engines, EventualLimits limits, TimeProvider time, Func<bool> hasRoom)
    {
        (_directory, _engines, _limits, _time, _hasRoom) = (directory, engines, limits, time, hasRoom);
        _nothingOwed = new HintLedger(limits);
        _queue = Channel.CreateBounded<Pending>(new BoundedChannelOptions(limits.QueueMax) { SingleReader = true });
        OpenFirst();
        _writer = Task.Run(WriteForeverAsync);
        _looks = time.CreateTimer(_ => LookSoon(), null, LookInterval, LookInterval);
    }

    /// <summary>Empty while the store is not open.</summary>
    public HintLedger Hints => _store?.Hints ?? _nothingOwed;

    /// <exception cref="StoreRebuildingException">The store is not open: an empty tree would mean that there are no records here.</exception>
    public HashTrees Trees => _store?.Trees ?? throw NotOpen();

    /// <summary>Empty while the store is not open.</summary>
    public CrowdedKeys Crowded => _store?.Crowded ?? _nothingCrowded;

    /// <summary>The token ranges in which the answers of this replica count. It answers in every token range, but elsewhere its answers do not count towards
    /// R or W.</summary>
    public TenureBook Tenures => _store?.Batch.Tenures ?? TenureBook.Blank;

    /// <summary>Faults when a write or a sync of the disk failed; the node must stop.</summary>
    public Task Failure => _failure.Task;

    /// <summary>Syncs since the start, for tests and metrics: far fewer than writes when many writes wait.</summary>
    public long SyncCount { get; private set; }

    /// <summary>Opens the store. If its files are damaged or the disk is full, the replica starts all the same, and opens the store later.</summary>
    /// <param name="directory">Created if it does not exist.</param>
    /// <param name="engines">Opens the store, and reopens it.</param>
    /// <param name="limits">How far clients may let keys grow.</param>
    /// <param name="time">The clock for the stamps of records.</param>
    /// <param name="hasRoom">Checked before a store on a full disk is reopened; null: the attempt to open it is the check.</param>
    /// <exception cref="StorageException">The directory cannot be opened, for a reason other than these two.</exception>
    /// <exception cref="IOException">The directory cannot be written.</exception>
    public static EventualReplica Open(string directory, IEngineFactory engines, EventualLimits limits, TimeProvider time, Func<bool>? hasRoom = null)
    {
        Directory.CreateDirectory(directory);
        return new EventualReplica(directory, engines, limits, time, hasRoom ?? (static () => true));
    }

    /// <summary>The state of a key at this replica; an empty state if the replica is closing.</summary>
    /// <exception cref="EventualFormatException">The stored record is damaged.</exception>
    /// <exception cref="StorageException">The store cannot be read now.</exception>
    public SiblingSet Read(EventualKey key) => Use(engine => engine.Get(RecordLayout.Record(key)) is { } bytes
        ? DamagedRecordException.Decode(key, bytes).State
        : SiblingSet.Empty) ?? SiblingSet.Empty;

    /// <summary>
    /// Reads a record of at most <paramref name="bytesMax"/> bytes. A larger record is not read, and its state is null. <c>Length</c> is the length of the
    /// whole record, 0 if
    /// there is none.
    /// </summary>
    /// <exception cref="EventualFormatException">The stored record is damaged.</exception>
    public (SiblingSet? State, ReadOnlyMemory<byte> Bytes, int Length) Read(EventualKey key, int bytesMax)
    {
        var length = 0;
        return Use(engine => engine.Get(RecordLayout.Record(key), bytesMax, out length)) is not { } record ? (SiblingSet.Empty, default, 0)
            : length > bytesMax ? (null, default, length)
            : (DamagedRecordException.Decode(key, record).State, DamagedRecordException.StateOf(key, record), length);
    }

    /// <summary>The length of the record of a key; 0 if there is none, or if the store cannot be read now. In the latter case the read itself reports the
    /// fault.</summary>
    public int LengthOf(EventualKey key)
    {
        try
        {
            return Use(engine =>
            {
                engine.Get(RecordLayout.Record(key), 0, out var length);
                return length;
            });
        }
        catch (StorageException)
        {
            return 0;
        }
    }

    /// <summary>The hash of the state of a key at this replica; 0 if there is none.</summary>
    /// <exception cref="EventualFormatException">The stored record is damaged.</exception>
    public ulong HashOf(EventualKey key) => Use(engine => engine.Get(RecordLayout.Record(key)) is { } bytes ? HashOf(key, bytes) : 0UL);

    /// <summary>
    /// Executes a write. The task completes when the write is as durable as requested. If <see cref="Failure"/> interrupts the write, its outcome is unknown.
    /// </summary>
    /// <exception cref="StorageException">The store failed or is closing.</exception>
    /// <exception cref="EventualFormatException">The stored record of the key is damaged.</exception>
    public async Task<WriteResult> WriteAsync(EventualKey key, ReplicaWrite write, bool durable, CancellationToken cancellationToken) =>
        await (await BeginAsync(key, write, durable, cancellationToken).ConfigureAwait(false)).Safe.ConfigureAwait(false);

    /// <summary>Like <see cref="WriteAsync"/>, for callers that send the write to other nodes before the local sync completes.</summary>
    public async ValueTask<BegunWrite> BeginAsync(EventualKey key, ReplicaWrite write, bool durable, CancellationToken cancellationToken)
    {
        var pending = new Pending(key, write, durable);
        try
        {
            await _queue.Writer.WriteAsync(pending, cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException closed)
        {
            throw new StorageException("The eventual store is closing.", closed);
        }

        return new BegunWrite(pending.Written.Task, pending.Safe.Task);
    }

    /// <summary>Records that the ring or the keyspaces have changed, or that the store was reopened.</summary>
    public Task HearAsync(RingNews news, CancellationToken cancellationToken) =>
        WriteAsync(default, new NoteTenures(book => book.Hear(news)), durable: false, cancellationToken);

    /// <summary>Records that this replica has everything that any node of the cluster had in some token ranges, under a tenure.</summary>
    /// <param name="seen"><see cref="Doubts"/> when the fetch began. If data was set aside since, the fetch does not include it, and nothing is
    /// recorded.</param>
    public Task HasMetAllAsync(KeyspaceId keyspace, Tenure tenure, IReadOnlyCollection<int> ranges, int seen, CancellationToken cancellationToken) =>
        WriteAsync(default, new NoteTenures(book => seen == Doubts ? book.Met(keyspace, tenure, ranges) : book), durable: true, cancellationToken);

    /// <summary>Returns when all writes before this call survive a power loss.</summary>
    public Task SyncAsync(CancellationToken cancellationToken) => WriteAsync(default, new Nothing(), durable: true, cancellationToken);

    /// <summary>
    /// Records from a token on, in the order of tokens and keys: at most <paramref name="count"/>, and no more after <see cref="PageBytesEnough"/>. Only an
    /// empty
    /// page means the end.
    /// </summary>
    /// <param name="after">The end of the last page; null for the first page. A position before the range counts as the beginning.</param>
    /// <param name="last">The last token to include.</param>
    public IReadOnlyList<FoundRecord> Scan(KeyspaceId keyspace, Token first, Token last, EventualKey? after, int count) => Use(engine =>
    {
        var from = RecordLayout.RecordsFrom(keyspace, first);
        if (after is { } key && RecordLayout.Record(key) is var row && row.AsSpan().SequenceCompareTo(from) >= 0)
        {
            from = [.. row, 0];
        }

        var to = last.Value == ulong.MaxValue ? RecordLayout.RecordsEnd(keyspace) : RecordLayout.RecordsFrom(keyspace, new Token(last.Value + 1));
        var found = new List<FoundRecord>();
        if (from.AsSpan().SequenceCompareTo(to) >= 0)
        {
            // The position is after the range.
            return found;
        }

        using var snapshot = engine.TakeSnapshot();
        using var rows = snapshot.Scan(from, to);
        for (var held = 0L; found.Count < count && held < PageBytesEnough && rows.MoveNext();)
        {
            var (name, bytes) = (RecordLayout.KeyOfRecord(rows.Key), rows.Value.ToArray());
            found.Add(new FoundRecord(name, HashOf(name, bytes), DamagedRecordException.StateOf(name, bytes)));
            held += bytes.Length;
        }

        return found;
    }) ?? [];

    /// <summary>The record of a key; null if there is none.</summary>
    public FoundRecord? Find(EventualKey key) => Use(engine => engine.Get(RecordLayout.Record(key)) is { } bytes
        ? new FoundRecord(key, HashOf(key, bytes), DamagedRecordException.StateOf(key, bytes))
        : (FoundRecord?)null);

    /// <summary>Tombstones of a keyspace after a key, each with the time of its delete, at most <paramref name="count"/>.</summary>
    public IReadOnlyList<(EventualKey Key, long SinceMs)> Graves(KeyspaceId keyspace, EventualKey? after, int count) => Use(engine =>
    {
        var (from, to) = RecordLayout.Keyspace(RecordLayout.GravePrefix, keyspace);
        var found = new List<(EventualKey, long)>();
        using var snapshot = engine.TakeSnapshot();
        using var rows = snapshot.Scan(after is { } key ? [.. RecordLayout.Grave(key), 0] : from, to);
        while (found.Count < count && rows.MoveNext())
        {
            found.Add((RecordLayout.KeyOfRecord(rows.Key), BitConverter.ToInt64(rows.Value)));
        }

        return found;
    }) ?? [];

    /// <summary>Keys with an expired value, the earliest first, at most <paramref name="count"/>.</summary>
    /// <param name="after">The end of the last page; null for the first page.</param>
    public IReadOnlyList<DueKey> Due(long nowMs, DueKey? after, int count) => Use(engine =>
    {
        var found = new List<DueKey>();
        using var snapshot = engine.TakeSnapshot();
        using var rows = snapshot.Scan(after is { } last ? [.. RecordLayout.Due(last.AtMs, last.Key), 0] : [RecordLayout.DuePrefix], RecordLayout.DueAfter(nowMs));
        while (found.Count < count && rows.MoveNext())
        {
            found.Add(RecordLayout.DueOf(rows.Key));
        }

        return found;
    }) ?? [];

    /// <summary>The local keys of a keyspace with the most values, in descending order, at most <paramref name="count"/>. Reads all keys with more than one
    /// value.</summary>
    public IReadOnlyList<CrowdedKey> MostCrowded(KeyspaceId keyspace, int count) => Use(engine =>
    {
        var (from, to) = RecordLayout.Keyspace(RecordLayout.ManyPrefix, keyspace);
        var most = new PriorityQueue<CrowdedKey, (int, long)>();
        using var snapshot = engine.TakeSnapshot();
        using var rows = snapshot.Scan(from, to);
        while (rows.MoveNext())
        {
            var found = RecordLayout.ManyOf(rows.Key, rows.Value);
            most.Enqueue(found, (found.Siblings, found.Bytes));
            if (most.Count > count)
            {
                most.Dequeue();
            }
        }

        return most.UnorderedItems.Select(static item => item.Element).OrderByDescending(static found => (found.Siblings, found.Bytes)).ToList();
    }) ?? [];

    /// <summary>Removes everything of a dropped keyspace. The id of a keyspace is never reused, so only late messages can still arrive.</summary>
    public Task DropAsync(KeyspaceId keyspace, CancellationToken cancellationToken) =>
        WriteAsync(new EventualKey(keyspace, default, default), new DropAll(), durable: true, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _looks.DisposeAsync().ConfigureAwait(false);
        _queue.Writer.TryComplete();
        await _writer.ConfigureAwait(false);
        await EndSalvageAsync().ConfigureAwait(false);
        await _marking.ConfigureAwait(false);
        _closing.EnterWriteLock();
        try
        {
            if (_closed)
            {
                return;
            }

            _closed = true;
            if (_store is { } store && Health.Outage is null && !_failure.Task.IsFaulted)
            {
                // All writes are durable before the incarnation records that none was lost.
                store.Engine.Flush();
                StoreMark.Write(_directory, store.Engine.Sequence);
                store.Incarnation.PutDown(_directory);
            }
        }
        catch (Exception error) when (error is StorageException or IOException or UnauthorizedAccessException)
        {
            // The incarnation was not saved, so the next start takes a new one, as after a crash. On a full disk there is no further effect.
            if (StoreOutage.Of(error) is null)
            {
                _failure.TrySetException(error);
            }
        }
        finally
        {
            _store?.Dispose();
            _closing.ExitWriteLock();
        }
    }

    private static ulong HashOf(EventualKey key, byte[] record) =>
        TokenRangeTree.HashOf(key.Keyspace, key.Key.Span, DamagedRecordException.StateOf(key, record).Span);

    private T? Use<T>(Func<IStorageEngine, T> read)
    {
        _closing.EnterReadLock();
        try
        {
            return _closed ? default : read((_store ?? throw NotOpen()).Engine);
        }
        catch (DamagedRecordException damaged)
        {
            Suspect(damaged.Key);
            throw;
        }
        catch (StorageCorruptionException damage)
        {
            Suspect(damage);
            throw;
        }
        finally
        {
            _closing.ExitReadLock();
        }
    }

    private async Task WriteForeverAsync()
    {
        var round = new List<Pending>();
        try
        {
            while (await _queue.Reader.WaitToReadAsync().ConfigureAwait(false))
            {
                Look();
                TryRound(round);
                round.Clear();
            }
        }
        catch (Exception cause)
        {
            // The content of the disk is unknown now. All waiting writes fail, and the node stops.
            _queue.Writer.TryComplete(cause);
            var failed = cause as StorageException ?? new StorageException("The eventual store failed.", cause);
            round.ForEach(pending => pending.Fail(failed));
            while (_queue.Reader.TryRead(out var waiting))
            {
                waiting.Fail(failed);
            }

            _failure.TrySetException(failed);
        }
    }

    private void TryRound(List<Pending> round)
    {
        if (Health.Outage is { } outage)
        {
            while (_queue.Reader.TryRead(out var refused))
            {
                refused.Fail(outage.ToException());
            }

            return;
        }

        try
        {
            Round(round, _store!);
            SetRecordsAside(_store!);
        }
        catch (StorageException fault) when (StoreOutage.Of(fault) is { } met)
        {
            // No write of the round is in the store, unless the round was written and only its sync failed: those writes were already answered as written.
            round.ForEach(pending => pending.Fail(fault));
            _store!.Batch.Abandon();
            Suffer(met);
        }
    }

    private void Round(List<Pending> round, ReplicaStore store)
    {
        var syncs = false;
        var batch = store.Batch;
        while (batch.ByteCount < _limits.BatchBytesMax && _queue.Reader.TryRead(out var pending))
        {
            round.Add(pending);
            syncs |= pending.Durable;
            Do(pending, store);
        }

        if (!batch.IsEmpty)
        {
            batch.Commit(store.Trees);
            _hasUnsynced = true;
            round.ForEach(static pending => pending.IsWritten());
        }

        batch.Forget();

        // Also for a write that changed nothing: the state it found may come from a recent write without a sync.
        if (syncs && _hasUnsynced)
        {
            store.Engine.Flush();
            _synced = store.Engine.Sequence;
            _hasUnsynced = false;
            SyncCount++;
        }

        round.ForEach(static pending => pending.IsSafe());
    }

    private void Do(Pending pending, ReplicaStore store)
    {
        try
        {
            pending.Result = pending.Write is Nothing ? default
                : pending.Write is NoteTenures note ? store.Batch.Note(note.Change)
                : pending.Write is DropAll ? store.Batch.Drop(pending.Key.Keyspace, store.Trees)
                : store.Batch.Do(pending.Key, pending.Write, _time.GetUtcNow().ToUnixTimeMilliseconds());
        }
        catch (DamagedRecordException damaged)
        {
            _suspects.Enqueue(damaged.Key);
            pending.Fail(damaged);
        }
        catch (EventualFormatException damaged)
        {
            // One record, or one value in it, is malformed. The other writes of the round are complete, and this one left no change.
            pending.Fail(damaged);
        }
    }

    /// <summary>Requests the removal of a keyspace.</summary>
    private sealed record DropAll : ReplicaWrite;

    /// <summary>Changes where the answers of this replica count.</summary>
    private sealed record NoteTenures(Func<TenureBook, TenureBook> Change) : ReplicaWrite;

    /// <summary>Only waits for the sync.</summary>
    private sealed record Nothing : ReplicaWrite;

    private sealed class Pending(EventualKey key, ReplicaWrite write, bool durable)
    {
        public EventualKey Key => key;

        public ReplicaWrite Write => write;

        public bool Durable => durable;

        public WriteResult Result { get; set; }

        public TaskCompletionSource<WriteResult> Written { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource<WriteResult> Safe { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void IsWritten()
        {
            Written.TrySetResult(Result);
            if (!durable)
            {
                Safe.TrySetResult(Result);
            }
        }

        public void IsSafe()
        {
            Written.TrySetResult(Result);
            Safe.TrySetResult(Result);
        }

        public void Fail(Exception cause)
        {
            Written.TrySetException(cause);
            Safe.TrySetException(cause);

            // Most callers await only one of the two tasks. The other one has the same exception, which is observed here.
            _ = Written.Task.Exception;
            _ = Safe.Task.Exception;
        }
    }
}

/// <summary>A write in progress.</summary>
/// <param name="Written">Completes when the write was decided and the operating system has it.</param>
/// <param name="Safe">Completes when the write is as durable as requested.</param>
internal readonly record struct BegunWrite(Task<WriteResult> Written, Task<WriteResult> Safe);

/// <summary>A record that a scan found.</summary>
/// <param name="Hash">The hash of the state, as trees use it.</param>
/// <param name="State">The bytes of the state, as <see cref="SiblingSetCodec"/> writes them.</param>
internal readonly record struct FoundRecord(EventualKey Key, ulong Hash, ReadOnlyMemory<byte> State);
