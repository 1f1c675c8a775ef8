using KvRaft.Eventual.Causality;
using KvRaft.Storage;
using KvRaft.Storage.Engine;
using KvRaft.Topology;

namespace KvRaft.Eventual.Replicas;

/// <summary>
/// Makes a new store out of what can be read of a damaged one. Records and hints are copied, each checked by its block's checksum and its own format; everything else is
/// derived from them anew. The copy knows nothing of tenures, so its word counts nowhere until it has met every other node, which brings back what could not be read. Copying first
/// matters where this node alone has something: a value that it keeps for others, or one that was acknowledged by one node.
/// <para>
/// Where the damaged store cannot even be opened (its manifest or a table is gone), nothing is copied: RocksDB could list the tables that are left, but without the one that is gone they
/// may hold values whose deletion was in it.
/// </para>
/// It runs before the new store answers anything, so that nobody takes what is still to be copied for absent. A step that fails may be repeated from the beginning.
/// </summary>
internal static class StoreSalvage
{
    /// <returns>Records that could not be read; a stretch of a file that could not be read counts as one. −1: nothing could be opened.</returns>
    /// <exception cref="StorageException">The new store cannot be written.</exception>
    /// <exception cref="IOException">The directory cannot be changed.</exception>
    /// <exception cref="OperationCanceledException">Given up; nothing is lost.</exception>
    public static long Run(string directory, IEngineFactory engines, EventualLimits limits, TimeProvider time, CancellationToken cancellationToken)
    {
        StoreDirectory.ClearUnfinished(directory);
        long lost;
        using (var engine = engines.OpenJournaled(StoreDirectory.Unfinished(directory)))
        {
            lost = TryOpen(directory, engines) is { } damaged ? Copy(damaged, engine, limits, time, cancellationToken) : -1;
            engine.Flush();
        }

        // An engine in memory keeps no directory.
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
        catch (StorageCorruptionException)
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
    /// Gives each readable row of a prefix. Where a row cannot be read, a walk begins anew behind it: by one token, two, four ... until rows come again, so that at
    /// most as much again is passed over as is unreadable.
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

    /// <summary>Keyspace and token of a row as one number; rows are stored in its order.</summary>
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
        private readonly TreeShelf _trees = new();

        // The names are never used: nothing here is a write of this replica's own.
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
                _batch.Do(key, new OweTo([node]), BitConverter.ToInt64(value));
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
