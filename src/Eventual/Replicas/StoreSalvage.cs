using KvRaft.Eventual.Causality;
using KvRaft.Storage;
using KvRaft.Storage.Engine;
using KvRaft.Topology;

namespace KvRaft.Eventual.Replicas;

/// <summary>
/// Builds a new store from the readable part of a damaged one. It copies records and hints, and checks each by the checksum of its block and by its
/// format; everything else is
/// derived from them anew. The copy holds no tenures, so its answers count in no token range until it has fetched from every other node, which restores
/// what could not be read.
/// The copy is made first because this node may hold the only copy of a value: a record with a hint, or a write that one node acknowledged.
/// <para>
/// If the damaged store cannot be opened (its manifest or a table is missing), nothing is copied. RocksDB could list the remaining tables, but they may
/// hold values that the missing table deletes.
/// </para>
/// The salvage runs before the new store answers any request, so that a record not yet copied never appears absent. A step that fails may be repeated
/// from the beginning.
/// </summary>
internal static class StoreSalvage
{
    /// <returns>Records that could not be read; an unreadable range of a file counts as one. −1: the damaged store could not be opened.</returns>
    /// <exception cref="StorageException">The new store cannot be written.</exception>
    /// <exception cref="IOException">The directory cannot be changed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; nothing is lost.</exception>
    public static long Run(string directory, IEngineFactory engines, EventualLimits limits, TimeProvider time, CancellationToken cancellationToken)
    {
        StoreDirectory.ClearUnfinished(directory);
        long lost;
        using (var engine = engines.OpenJournaled(StoreDirectory.Unfinished(directory)))
        {
            lost = TryOpen(directory, engines) is { } damaged ? Copy(damaged, engine, limits, time, cancellationToken) : -1;
            engine.Flush();
        }

        // An engine in memory has no directory.
        if (Directory.Exists(StoreDirectory.Unfinished(directory)))
        {
            StoreDirectory.Finish(directory);
        }

        return lost;
    }

    private static IStorageEngine? TryOpen(string directory, IEngineFactory engines)
    {
        try
        {
            return engines.OpenDamagedJournal(StoreDirectory.Damaged(directory));
        }
        catch (Exception error) when (OpenFault.Concerns(error) && OpenFault.Of(error, StoreDirectory.Damaged(directory)) is StorageCorruptionException)
        {
            return null;
        }
    }

    private static long Copy(IStorageEngine damaged, IStorageEngine engine, EventualLimits limits, TimeProvider time, CancellationToken cancellationToken)
    {
        using (damaged)
        {
            var copy = new Writer(engine, limits, time.GetUtcNow().ToUnixTimeMilliseconds());
            using var snapshot = damaged.TakeSnapshot();
            var lost = Walk(snapshot, RecordLayout.RecordPrefix, copy.Record, cancellationToken)
                + Walk(snapshot, RecordLayout.HintPrefix, copy.Hint, cancellationToken);
            copy.Commit();
            return lost;
        }
    }

    /// <summary>
    /// Passes each readable row of a prefix to the callback. If a row cannot be read, a new walk begins behind it: one token further, then two, four ...
    /// until a row can be
    /// read. So the skipped part is at most twice the unreadable part.
    /// </summary>
    private static long Walk(IEngineSnapshot snapshot, byte prefix, Func<byte[], byte[], bool> take, CancellationToken cancellationToken)
    {
        var (lost, from, step) = (0L, Position.First, UInt128.One);
        while (true)
        {
            try
            {
                using var rows = snapshot.Scan(Position.Row(prefix, from), [(byte)(prefix + 1)]);
                while (rows.MoveNext())
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    (from, step) = (Position.Of(rows.Key), UInt128.One);
                    lost += take(rows.Key.ToArray(), rows.Value.ToArray()) ? 0 : 1;
                }

                return lost;
            }
            catch (StorageCorruptionException)
            {
                lost += step == UInt128.One ? 1 : 0;
                if (step > Position.Last - from)
                {
                    return lost;
                }

                (from, step) = (from + step, step * 2);
            }
        }
    }

    /// <summary>The keyspace and token of a row as one number; rows are stored in its order.</summary>
    private static class Position
    {
        public static readonly UInt128 First = UInt128.Zero;
        public static readonly UInt128 Last = new(uint.MaxValue, ulong.MaxValue);

        public static UInt128 Of(ReadOnlySpan<byte> row)
        {
            var place = RecordLayout.KeyOfRecord(row);
            return new UInt128(place.Keyspace.Value, place.Token.Value);
        }

        public static byte[] Row(byte prefix, UInt128 position)
        {
            var row = RecordLayout.RecordsFrom(new KeyspaceId((uint)(position >> 64)), new Token((ulong)position));
            row[0] = prefix;
            return row;
        }
    }

    private sealed class Writer(IStorageEngine engine, EventualLimits limits, long nowMs)
    {
        private readonly HashTrees _trees = new();

        // The names are never used: no write here belongs to this replica.
        private readonly ReplicaBatch _batch = new(engine, new WriteNames(0, 1), limits, new HintLedger(limits), new CrowdedKeys());

        public bool Record(byte[] row, byte[] value)
        {
            try
            {
                _batch.Do(RecordLayout.KeyOfRecord(row), new TakeState(StoredRecord.Decode(value).State, null), nowMs);
            }
            catch (EventualFormatException)
            {
                return false;
            }

            CommitIfLarge();
            return true;
        }

        public bool Hint(byte[] row, byte[] value)
        {
            try
            {
                var (key, node) = RecordLayout.PartsOfHint(row);
                _batch.Do(key, new AddHint([node]), BitConverter.ToInt64(value));
            }
            catch (Exception error) when (error is ArgumentException)
            {
                return false;
            }

            CommitIfLarge();
            return true;
        }

        public void Commit() => _batch.Commit(_trees);

        private void CommitIfLarge()
        {
            if (_batch.ByteCount >= limits.BatchBytesMax)
            {
                Commit();
            }
        }
    }
}
