using System.Threading.Channels;
using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Trees;
using KvRaft.Storage;
using KvRaft.Storage.Engine;
using KvRaft.Topology;

namespace KvRaft.Eventual.Replicas;

/// <summary>
/// This node's copies of eventual keys, on its own disk.
/// <para>
/// <b>One writer.</b> Every write of the node meets in one queue. What waits there is done in one round: read, decide
/// (<see cref="RecordRules"/>), one engine batch with records, hints and tree hashes, one sync. So a read-modify-write of a key needs no
/// lock, and one sync serves everything that waited.
/// </para>
/// <para>
/// <b>Durability.</b> A write that asks for it is answered after the sync, and only then counts for anybody's W; one that does not is
/// answered when the operating system has it, and survives the process but not the power.
/// </para>
/// <para>
/// <b>Why not the node's log.</b> The replicated log is truncated by what groups have flushed, replays into groups, and its entries are
/// agreed on before they are applied; a record here is a merge of what was there, and nothing decides its place in an order. Sharing
/// the log would buy one sync instead of two when both kinds of keyspace are written in the same millisecond, and cost a
/// second meaning for every record of a format that must stay simple. So this store has a journal of its own, the engine's, synced once a
/// round.
/// </para>
/// <para>
/// <b>Memory.</b> A replica that may have forgotten what it wrote is somebody new (<see cref="ReplicaIncarnation"/>), which is also what makes it
/// safe to tell others of a write before it is synced here.
/// </para>
/// <para>
/// <b>Disks.</b> A full disk and a damaged file end neither the replica nor the node (<see cref="StoreOutage"/>): without room, writes are refused and reads go on; damaged files are set
/// aside, and a new store is made of what can be read of them (<see cref="StoreSalvage"/>) and of what the others have, by comparison. A write or a sync that fails for another reason
/// ends the replica: <see cref="Failure"/>.
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

    /// <summary>Something was written after the last sync. For the writer.</summary>
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

    /// <exception cref="StoreRebuildingException">The store is not open: an empty tree would say that nothing was here.</exception>
    public TreeShelf Trees => _store?.Trees ?? throw NotOpen();

    /// <summary>Empty while the store is not open.</summary>
    public CrowdedKeys Crowded => _store?.Crowded ?? _nothingCrowded;

    /// <summary>Where this replica's word counts. It answers everywhere; but elsewhere its answer is not worth what others may believe.</summary>
    public TenureBook Tenures => _store?.Batch.Tenures ?? TenureBook.Blank;

    /// <summary>Faults when a write or a sync of the disk failed; the node must stop.</summary>
    public Task Failure => _failure.Task;

    /// <summary>Syncs since the start, for tests and metrics: far fewer than writes when many wait.</summary>
    public long SyncCount { get; private set; }

    /// <summary>Opens the store. Where its files are damaged or the disk is full, the replica starts all the same, and opens it later.</summary>
    /// <param name="directory">Made if it does not exist.</param>
    /// <param name="engines">Opens the store, also again.</param>
    /// <param name="limits">How far clients may let keys grow.</param>
    /// <param name="time">What records are stamped by.</param>
    /// <param name="hasRoom">Asked before a store that had no room is opened anew; null: the attempt shows it.</param>
    /// <exception cref="StorageException">The directory cannot be opened, for a reason that is none of these.</exception>
    /// <exception cref="IOException">The directory cannot be written.</exception>
    public static EventualReplica Open(string directory, IEngineFactory engines, EventualLimits limits, TimeProvider time, Func<bool>? hasRoom = null)
    {
        Directory.CreateDirectory(directory);
        return new EventualReplica(directory, engines, limits, time, hasRoom ?? (static () => true));
    }

    /// <summary>What this replica knows of a key; nothing, if it is closing.</summary>
    /// <exception cref="EventualFormatException">What is stored is damaged.</exception>
    /// <exception cref="StorageException">The store cannot be read now.</exception>
    public SiblingSet Read(EventualKey key) => Use(engine => engine.Get(RecordLayout.Record(key)) is { } bytes
        ? DamagedRecordException.Decode(key, bytes).State
        : SiblingSet.Empty) ?? SiblingSet.Empty;

    /// <summary>
    /// As above, of a record of at most <paramref name="bytesMax"/> bytes; a larger one is not read, and has no state. <c>Length</c> is that of the whole record, 0 if
    /// there is none.
    /// </summary>
    /// <exception cref="EventualFormatException">What is stored is damaged.</exception>
    public (SiblingSet? State, ReadOnlyMemory<byte> Bytes, int Length) Read(EventualKey key, int bytesMax)
    {
        var length = 0;
        return Use(engine => engine.Get(RecordLayout.Record(key), bytesMax, out length)) is not { } record ? (SiblingSet.Empty, default, 0)
            : length > bytesMax ? (null, default, length)
            : (DamagedRecordException.Decode(key, record).State, DamagedRecordException.StateOf(key, record), length);
    }

    /// <summary>Bytes of the record of a key; 0 if there is none, or if the store cannot be read now, which the read itself will say.</summary>
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

    /// <summary>The hash of what this replica holds under a key; 0 if that is nothing.</summary>
    /// <exception cref="EventualFormatException">What is stored is damaged.</exception>
    public ulong HashOf(EventualKey key) => Use(engine => engine.Get(RecordLayout.Record(key)) is { } bytes ? HashOf(key, bytes) : 0UL);

    /// <summary>
    /// Does a write; completes when it is as safe as asked. The outcome of one that was cut off by <see cref="Failure"/> is unknown.
    /// </summary>
    /// <exception cref="StorageException">The store failed or is closing.</exception>
    /// <exception cref="EventualFormatException">What is stored under the key is damaged.</exception>
    public async Task<WriteResult> WriteAsync(EventualKey key, ReplicaWrite write, bool durable, CancellationToken cancellationToken) =>
        await (await BeginAsync(key, write, durable, cancellationToken).ConfigureAwait(false)).Safe.ConfigureAwait(false);

    /// <summary>As <see cref="WriteAsync"/>, for who wants to tell others of the write while this disk is still busy with it.</summary>
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

    /// <summary>The ring or the keyspaces have changed, or the store was opened anew.</summary>
    public Task HearAsync(RingNews news, CancellationToken cancellationToken) =>
        WriteAsync(default, new NoteTenures(book => book.Hear(news)), durable: false, cancellationToken);

    /// <summary>This replica has everything that any node of the cluster had in some arcs, under a tenure.</summary>
    /// <param name="seen"><see cref="Doubts"/> when it began to ask them: what was set aside since is not in what it fetched, and then nothing is noted.</param>
    public Task HasMetAllAsync(KeyspaceId keyspace, Tenure tenure, IReadOnlyCollection<int> arcs, int seen, CancellationToken cancellationToken) =>
        WriteAsync(default, new NoteTenures(book => seen == Doubts ? book.Met(keyspace, tenure, arcs) : book), durable: true, cancellationToken);

    /// <summary>Returns when everything that was written before this call survives a power cut.</summary>
    public Task SyncAsync(CancellationToken cancellationToken) => WriteAsync(default, new Nothing(), durable: true, cancellationToken);

    /// <summary>
    /// Records from a token on, in the order of tokens and keys, at most <paramref name="count"/> of them, and no more after <see cref="PageBytesEnough"/>. Only an empty
    /// page means that there are no more.
    /// </summary>
    /// <param name="after">Where the last page ended; null at the beginning. One before the range counts as the beginning.</param>
    /// <param name="last">The last token that is wanted.</param>
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
            // The position is behind the range.
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

    /// <summary>Tombstones of a keyspace, with when each became what it is, from a key on, at most <paramref name="count"/>.</summary>
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

    /// <summary>Keys with a value whose time is over, the earliest first, at most <paramref name="count"/>.</summary>
    /// <param name="after">Where the last page ended; null at the beginning.</param>
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

    /// <summary>The keys of a keyspace with the most values here, most first, at most <paramref name="count"/>. Looks through all that have more than one.</summary>
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

    /// <summary>Removes everything of a keyspace that was dropped. Its id is never given again, so a straggler is all that can come.</summary>
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
                // Everything is safe before the incarnation says that nothing was forgotten.
                store.Engine.Flush();
                StoreMark.Write(_directory, store.Engine.Sequence);
                store.Incarnation.PutDown(_directory);
            }
        }
        catch (Exception error) when (error is StorageException or IOException)
        {
            // The incarnation was not put down, so the next start takes a new one, as after a crash. Without room that is all there is to it.
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
        ArcTree.HashOf(key.Keyspace, key.Key.Span, DamagedRecordException.StateOf(key, record).Span);

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
            // Nobody knows what the disk holds now. Whoever waits hears it, and so does the node, which stops.
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
            // None of the round is in the store, unless it was written and only its sync failed: those had their answer that it is written.
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

        // Also for a write that changed nothing: what it found may be there since a moment ago, by somebody who asked for no sync.
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
            // One record, or one value in it, is not what was written. The others of the round are whole, and nothing of this one was kept.
            pending.Fail(damaged);
        }
    }

    /// <summary>Asks for the end of a keyspace.</summary>
    private sealed record DropAll : ReplicaWrite;

    /// <summary>Changes where this replica's word counts.</summary>
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

            // Nearly everybody awaits only one of the two; the other one's exception is the same and was seen.
            _ = Written.Task.Exception;
            _ = Safe.Task.Exception;
        }
    }
}

/// <summary>A write under way.</summary>
/// <param name="Written">Completes when the write was decided and the operating system has it.</param>
/// <param name="Safe">Completes when it is as durable as was asked.</param>
internal readonly record struct BegunWrite(Task<WriteResult> Written, Task<WriteResult> Safe);

/// <summary>A record as a scan finds it.</summary>
/// <param name="Hash">Of the state, as trees count it.</param>
/// <param name="State">Its bytes, as <see cref="SiblingSetCodec"/> writes them.</param>
internal readonly record struct FoundRecord(EventualKey Key, ulong Hash, ReadOnlyMemory<byte> State);
