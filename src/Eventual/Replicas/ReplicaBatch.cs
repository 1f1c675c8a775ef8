using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Trees;
using KvRaft.Storage;
using KvRaft.Storage.Engine;
using KvRaft.Topology;

namespace KvRaft.Eventual.Replicas;

/// <summary>
/// One round of writes of a replica. Each write sees the results of the earlier writes of the round. Records, hints and
/// the hashes of trees go into one engine batch, so that they are always consistent. For the writing thread.
/// </summary>
internal sealed class ReplicaBatch(IStorageEngine engine, WriteNames names, EventualLimits limits, HintLedger hints, CrowdedKeys crowded)
{
    private readonly EngineBatch _batch = new();

    /// <summary>The records that the round has read or changed: a record is read once, even if many writes of the round use it.</summary>
    private readonly Dictionary<EventualKey, (StoredRecord Record, byte[]? Bytes)> _records = [];
    private readonly List<(LeafPlace Place, ulong Before, ulong After)> _leaves = [];

    private long _readBytes;

    private volatile TenureBook _tenures = TenureBook.Blank;

    /// <summary>Any thread may read it.</summary>
    public TenureBook Tenures
    {
        get => _tenures;
        init => _tenures = value;
    }

    /// <summary>
    /// Bytes that the round holds: the bytes it will write, and the records that its writes have read. A refused write adds nothing to the batch, but its
    /// result
    /// holds a state until the round ends, and a refused change has taken the time of a write.
    /// </summary>
    public long ByteCount => _batch.ByteCount + _readBytes;

    public bool IsEmpty => _batch.Count == 0;

    /// <summary>Executes one write and returns its result. If it throws, it changed nothing.</summary>
    /// <exception cref="EventualFormatException">The stored record of the key is damaged, or contradicts the write.</exception>
    public WriteResult Do(EventualKey key, ReplicaWrite write, long nowMs)
    {
        if (DidHints(key, write, nowMs))
        {
            return new WriteResult(WriteEnd.Applied, SiblingSet.Empty);
        }

        var before = Record(key);
        var (after, end) = Decide(key, before, write, nowMs);
        if (end != WriteEnd.Applied)
        {
            // A refused change has decoded, merged and encoded the value like an accepted one, so it counts: thousands of them would delay the round by minutes.
            _readBytes += write is ChangeValue ? SiblingSetCodec.BytesOf(after.State) : 0;

            // The state before, which all results of the round share, and only the size of the other one.
            return new WriteResult(end, before.State) { Refused = RefusedSize.Of(after.State) };
        }

        Keep(key, before, after, nowMs);
        if (write is TakeState { HintFor: { } absent })
        {
            Owe(key, absent, nowMs);
        }

        return new WriteResult(end, after.State);
    }

    /// <summary>A write that concerns only hints needs no record, so it also succeeds if the record cannot be read.</summary>
    private bool DidHints(EventualKey key, ReplicaWrite write, long nowMs)
    {
        switch (write)
        {
            case AddHint owe:
                owe.Nodes.ToList().ForEach(node => Owe(key, node, nowMs));
                return true;
            case DropHint drop:
                Settle(key, drop.Node);
                return true;
            default:
                return false;
        }
    }

    private (StoredRecord After, WriteEnd End) Decide(EventualKey key, StoredRecord before, ReplicaWrite write, long nowMs)
    {
        try
        {
            var (after, end) = write switch
            {
                PutValue put => RecordRules.Put(before, put, names, nowMs, limits),
                DeleteSeen delete => RecordRules.Delete(before, delete, names),
                ChangeValue change => RecordRules.Change(before, change, names, nowMs, limits),
                TakeState take => (RecordRules.Take(before, take.State, names, nowMs), WriteEnd.Applied),
                ExpireValues => (before with { State = before.State.Expire(nowMs) }, WriteEnd.Applied),
                RemoveTombstone remove when before.State.IsTombstone => (HasHash(key, remove.Hash) ? StoredRecord.None : before, WriteEnd.Applied),
                RemoveStray remove => (HasHash(key, remove.Hash) && !hints.Has(key) && remove.IsStray() ? StoredRecord.None : before, WriteEnd.Applied),
                HandedOver handed => (HandOver(key, before, handed), WriteEnd.Applied),
                _ => (before, WriteEnd.Applied),
            };
            return SiblingSetCodec.Fits(after.State) || end != WriteEnd.Applied ? (after, end) : (before, WriteEnd.TooLarge);
        }
        catch (InvariantException contradiction)
        {
            // The rules are functions of a record and a write, and both came from outside. A contradiction is refused; it does not stop the writer.
            throw new EventualFormatException($"The write contradicts the record: {contradiction.Message}");
        }
    }

    /// <summary>Discards the records that the round has read. There is nothing left to commit.</summary>
    public void Forget()
    {
        _records.Clear();
        _readBytes = 0;
    }

    /// <summary>Commits the batch to the engine. Afterwards it is empty.</summary>
    /// <param name="trees">Receives every changed leaf.</param>
    /// <exception cref="StorageException">No part of the batch is in the store, and the trees are unchanged.</exception>
    public void Commit(HashTrees trees)
    {
        try
        {
            CommitWith(trees);
        }
        finally
        {
            _batch.Clear();
            _leaves.Clear();
            Forget();
        }
    }

    private void CommitWith(HashTrees trees)
    {
        foreach (var (place, before, after) in _leaves)
        {
            PutLeaf(place, trees.Replace(place, before, after));
        }

        try
        {
            if (_batch.Count > 0)
            {
                engine.Write(_batch);
            }
        }
        catch
        {
            foreach (var (place, before, after) in _leaves)
            {
                trees.Replace(place, after, before);
            }

            throw;
        }
    }

    private void PutLeaf(LeafPlace place, ulong hash)
    {
        if (hash == 0)
        {
            _batch.Delete(RecordLayout.Leaf(place));
        }
        else
        {
            _batch.Put(RecordLayout.Leaf(place), BitConverter.GetBytes(hash));
        }
    }

    /// <summary>Discards the entries that are not committed.</summary>
    public void Abandon()
    {
        _batch.Clear();
        _leaves.Clear();
        Forget();
    }

    /// <summary>
    /// Moves a record that cannot be decoded, and any other such record in its bucket, out of the records: otherwise it would fail every request of its key
    /// for ever, and no
    /// comparison would restore it. The bytes stay under a separate row. The answers of this node do not count in the token range until it has fetched from
    /// every other node. The
    /// content of the batch is committed first.
    /// </summary>
    /// <returns>The number of records.</returns>
    public int SetDamagedAside(EventualKey key, HashTrees trees)
    {
        Commit(trees);
        var place = LeafPlace.Of(key.Keyspace, key.Token);
        var (damaged, sum) = ReadBucket(place);
        if (damaged.Count == 0)
        {
            return 0;
        }

        Note(book => book.Doubt(place.Keyspace, place.TokenRange));
        foreach (var (row, bytes) in damaged)
        {
            var name = RecordLayout.KeyOfRecord(row);
            _batch.Put(RecordLayout.Damaged(name), bytes);
            _batch.Delete(row);
            _batch.Delete(RecordLayout.Grave(name));
            if (engine.Get(RecordLayout.Many(name)) is { } many)
            {
                crowded.Changed(RecordLayout.ManyOf(RecordLayout.Many(name), many).Siblings, 0);
                _batch.Delete(RecordLayout.Many(name));
            }
        }

        PutLeaf(place, sum);
        engine.Write(_batch);
        _batch.Clear();
        trees.Load(place, sum);
        return damaged.Count;
    }

    /// <summary>The rows of a bucket that are not records, and the sum of the hashes of those that are.</summary>
    private (List<(byte[] Row, byte[] Bytes)> Damaged, ulong Sum) ReadBucket(LeafPlace place)
    {
        var (damaged, sum) = (new List<(byte[], byte[])>(), 0UL);
        var end = place.Last.Value == ulong.MaxValue ? RecordLayout.RecordsEnd(place.Keyspace) : RecordLayout.RecordsFrom(place.Keyspace, new Token(place.Last.Value + 1));
        using var snapshot = engine.TakeSnapshot();
        using var rows = snapshot.Scan(RecordLayout.RecordsFrom(place.Keyspace, place.Start), end);
        while (rows.MoveNext())
        {
            var bytes = rows.Value.ToArray();
            try
            {
                StoredRecord.Decode(bytes);
                sum = unchecked(sum + HashOf(RecordLayout.KeyOfRecord(rows.Key), bytes));
            }
            catch (EventualFormatException)
            {
                damaged.Add((rows.Key.ToArray(), bytes));
            }
        }

        return (damaged, sum);
    }

    /// <summary>Removes records, hints and leaves of a keyspace. The content of the batch is committed first, so that it is removed too.</summary>
    public WriteResult Drop(KeyspaceId keyspace, HashTrees trees)
    {
        Commit(trees);
        foreach (var prefix in (ReadOnlySpan<byte>)[RecordLayout.RecordPrefix, RecordLayout.HintPrefix, RecordLayout.LeafPrefix, RecordLayout.GravePrefix, RecordLayout.ManyPrefix, RecordLayout.DamagedPrefix])
        {
            var (from, to) = RecordLayout.Keyspace(prefix, keyspace);
            _batch.DeleteRange(from, to);
        }

        hints.Forget(keyspace);
        ForgetCrowd(keyspace);
        trees.Forget(keyspace);
        return new WriteResult(WriteEnd.Applied, SiblingSet.Empty);
    }

    /// <summary>
    /// The content of the book applies at once. If the power fails before the book is on the disk, the data it rests on is lost with it, and the next start
    /// reads the earlier book.
    /// </summary>
    public WriteResult Note(Func<TenureBook, TenureBook> change)
    {
        var (before, after) = (_tenures, change(_tenures));
        if (!ReferenceEquals(before, after))
        {
            _batch.Put(RecordLayout.Tenures, TenureBookCodec.Encode(after));
            _tenures = after;
        }

        return default;
    }

    private void ForgetCrowd(KeyspaceId keyspace)
    {
        var (from, to) = RecordLayout.Keyspace(RecordLayout.ManyPrefix, keyspace);
        using var snapshot = engine.TakeSnapshot();
        using var rows = snapshot.Scan(from, to);
        while (rows.MoveNext())
        {
            crowded.Changed(RecordLayout.ManyOf(rows.Key, rows.Value).Siblings, 0);
        }
    }

    private StoredRecord Record(EventualKey key) => Find(key).Record;

    private (StoredRecord Record, byte[]? Bytes) Find(EventualKey key)
    {
        if (!_records.TryGetValue(key, out var found))
        {
            var bytes = engine.Get(RecordLayout.Record(key));
            found = (bytes is null ? StoredRecord.None : DamagedRecordException.Decode(key, bytes), bytes);
            _records[key] = found;
            _readBytes += bytes?.Length ?? 0;
        }

        return found;
    }

    private void Keep(EventualKey key, StoredRecord before, StoredRecord after, long nowMs)
    {
        if (after == before)
        {
            return;
        }

        var old = Find(key).Bytes;
        var bytes = after.State.IsEmpty ? null : after.Encode();
        if (bytes is null)
        {
            _batch.Delete(RecordLayout.Record(key));
        }
        else
        {
            _batch.Put(RecordLayout.Record(key), bytes);
        }

        _leaves.Add((LeafPlace.Of(key.Keyspace, key.Token), HashOf(key, old), HashOf(key, bytes)));
        _records[key] = (after, bytes);
        Index(key, before.State, after.State, nowMs);
    }

    private void Index(EventualKey key, SiblingSet before, SiblingSet after, long nowMs)
    {
        if (after.IsTombstone)
        {
            _batch.Put(RecordLayout.Grave(key), BitConverter.GetBytes(nowMs));
        }
        else if (before.IsTombstone)
        {
            _batch.Delete(RecordLayout.Grave(key));
        }

        IndexCrowd(key, before, after);
        var (wasDue, isDue) = (DueOf(before), DueOf(after));
        if (wasDue != isDue)
        {
            if (wasDue != 0)
            {
                _batch.Delete(RecordLayout.Due(wasDue, key));
            }

            if (isDue != 0)
            {
                _batch.Put(RecordLayout.Due(isDue, key), []);
            }
        }
    }

    private void IndexCrowd(EventualKey key, SiblingSet before, SiblingSet after)
    {
        if (after.Siblings.Length > 1)
        {
            _batch.Put(RecordLayout.Many(key), RecordLayout.ManyValue(after.Siblings.Length, after.Siblings.Sum(static sibling => (long)sibling.Value.Length)));
        }
        else if (before.Siblings.Length > 1)
        {
            _batch.Delete(RecordLayout.Many(key));
        }

        crowded.Changed(before.Siblings.Length, after.Siblings.Length);
    }

    private static long DueOf(SiblingSet state) =>
        state.Siblings.Where(static sibling => sibling.ExpireAtMs != 0).Select(static sibling => sibling.ExpireAtMs).DefaultIfEmpty().Min();

    private StoredRecord HandOver(EventualKey key, StoredRecord record, HandedOver handed)
    {
        if (!HasHash(key, handed.Hash))
        {
            return record;
        }

        Settle(key, handed.Node);
        return hints.Has(key) || handed.KeepsRecord() ? record : StoredRecord.None;
    }

    private void Owe(EventualKey key, NodeId node, long nowMs)
    {
        if (hints.TryAdd(node, key, nowMs))
        {
            _batch.Put(RecordLayout.Hint(key, node), BitConverter.GetBytes(nowMs));
        }
    }

    private void Settle(EventualKey key, NodeId node)
    {
        if (hints.Remove(node, key))
        {
            _batch.Delete(RecordLayout.Hint(key, node));
        }
    }

    private bool HasHash(EventualKey key, ulong hash) => HashOf(key, Find(key).Bytes) == hash;

    private static ulong HashOf(EventualKey key, byte[]? record) =>
        record is null ? 0 : TokenRangeTree.HashOf(key.Keyspace, key.Key.Span, StoredRecord.StateOf(record).Span);
}
