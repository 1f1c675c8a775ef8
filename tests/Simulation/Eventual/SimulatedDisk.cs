using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using KvRaft.Storage;
using KvRaft.Storage.Engine;

namespace KvRaft.Simulation.Tests.Eventual;

/// <summary>
/// A disk in memory for one node. A power failure keeps synced data and a random part of the unsynced data. Opening the directory again finds
/// that data; opening another directory finds none (the disk was replaced).
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "The caller that opened the engine disposes it; the disk only cuts its power.")]
internal sealed class SimulatedDisk(Random chance) : IEngineFactory
{
    private ImmutableSortedDictionary<byte[], byte[]> _synced = Empty;
    private Engine? _engine;
    private string? _directory;

    private static ImmutableSortedDictionary<byte[], byte[]> Empty { get; } =
        ImmutableSortedDictionary.Create<byte[], byte[]>(Comparer<byte[]>.Create(static (a, b) => a.AsSpan().SequenceCompareTo(b)));

    public IStorageEngine Open(string directory) => OpenJournaled(directory);

    public IStorageEngine OpenJournaled(string directory)
    {
        if (directory != _directory)
        {
            (_directory, _synced) = (directory, Empty);
        }

        return _engine = new Engine(this, _synced);
    }

    /// <summary>The power fails at the next sync. Other replicas may have received the data that is lost.</summary>
    public void CutPowerAtNextSync() => _engine!.DiesAtSync = true;

    public void CutPower()
    {
        _engine!.IsDead = true;

        // A batch survives whole or not at all, and none survives without all batches before it. The number of surviving unsynced batches is random.
        var history = _engine.Unsynced;
        var survivors = chance.Next(history.Count + 1);
        _synced = survivors == 0 ? _synced : history[survivors - 1];
    }

    private sealed class Engine(SimulatedDisk disk, ImmutableSortedDictionary<byte[], byte[]> rows) : IStorageEngine
    {
        private volatile ImmutableSortedDictionary<byte[], byte[]> _rows = rows;

        public bool IsDead { get; set; }

        public bool DiesAtSync { get; set; }

        public List<ImmutableSortedDictionary<byte[], byte[]>> Unsynced { get; } = [];

        public EngineStatistics Statistics => default;

        public byte[]? Get(ReadOnlySpan<byte> key) => _rows.GetValueOrDefault(key.ToArray())?.ToArray();

        public byte[]? GetDurable(ReadOnlySpan<byte> key) => Get(key);

        public IEngineSnapshot TakeSnapshot() => new Snapshot(_rows);

        public void Write(EngineBatch batch)
        {
            ThrowIfDead();
            var changed = _rows.ToBuilder();
            var reader = new ByteReader(batch.Seal()[EngineBatch.HeaderBytes..].ToArray());
            while (!reader.AtEnd)
            {
                var (tag, key) = (reader.Byte(), reader.Bytes(int.MaxValue).ToArray());
                switch (tag)
                {
                    case EngineBatch.PutTag:
                        changed[key] = reader.Bytes(int.MaxValue).ToArray();
                        break;
                    case EngineBatch.DeleteTag:
                        changed.Remove(key);
                        break;
                    default:
                        var to = reader.Bytes(int.MaxValue).ToArray();
                        changed.RemoveRange(changed.Keys.Where(row => row.AsSpan().SequenceCompareTo(key) >= 0 && row.AsSpan().SequenceCompareTo(to) < 0).ToArray());
                        break;
                }
            }

            _rows = changed.ToImmutable();
            Unsynced.Add(_rows);
        }

        public void Flush()
        {
            IsDead |= DiesAtSync;
            ThrowIfDead();
            disk._synced = _rows;
            Unsynced.Clear();
        }

        public void SaveCheckpoint(string directory) => throw new NotSupportedException("No test copies a simulated disk.");

        public void VerifyChecksums()
        {
        }

        public void Dispose()
        {
        }

        private void ThrowIfDead()
        {
            if (IsDead)
            {
                throw new StorageException("The power was cut.");
            }
        }
    }

    private sealed class Snapshot(ImmutableSortedDictionary<byte[], byte[]> rows) : IEngineSnapshot
    {
        public byte[]? Get(ReadOnlySpan<byte> key) => rows.GetValueOrDefault(key.ToArray());

        public IEngineCursor Scan(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, bool reverse = false)
        {
            var (first, end) = (from.ToArray(), to.ToArray());
            return new Cursor(rows.Where(row => row.Key.AsSpan().SequenceCompareTo(first) >= 0 && (end.Length == 0 || row.Key.AsSpan().SequenceCompareTo(end) < 0))
                .GetEnumerator());
        }

        public void Dispose()
        {
        }
    }

    private sealed class Cursor(IEnumerator<KeyValuePair<byte[], byte[]>> rows) : IEngineCursor
    {
        public ReadOnlySpan<byte> Key => rows.Current.Key;

        public ReadOnlySpan<byte> Value => rows.Current.Value;

        public bool MoveNext() => rows.MoveNext();

        public void Dispose() => rows.Dispose();
    }
}
