using KvRaft.Storage.Engine;

namespace KvRaft.Storage.Tests;

/// <summary>Engines over a disk that fails on command, with callbacks at the critical moments.</summary>
internal sealed class FaultyEngines : IEngineFactory
{
    private readonly InMemoryEngines _engines = new();

    public bool FailWrites { get; set; }

    /// <summary>Reads return data rows with bytes that no version ever wrote.</summary>
    public bool DamageReads { get; set; }

    /// <summary>Runs on the writing thread when a batch is visible to reads and <c>Write</c> has not returned.</summary>
    public Action? AfterWrite { get; set; }

    /// <summary>Runs on the reading thread with each key just read.</summary>
    public Action<byte[]>? AfterRead { get; set; }

    /// <summary>Bytes of values that reads of single rows have returned.</summary>
    public long BytesRead { get; set; }

    public IStorageEngine Open(string directory) => new FaultyEngine(this, _engines.Open(directory));

    public IStorageEngine OpenJournaled(string directory) => new FaultyEngine(this, _engines.OpenJournaled(directory));

    private sealed class FaultyEngine(FaultyEngines faults, IStorageEngine inner) : IStorageEngine
    {
        public EngineStatistics Statistics => inner.Statistics;

        public byte[]? Get(ReadOnlySpan<byte> key)
        {
            var value = faults.DamageReads ? [0xEE] : inner.Get(key);
            faults.AfterRead?.Invoke(key.ToArray());
            faults.BytesRead += value?.Length ?? 0;
            return value;
        }

        public byte[]? Get(ReadOnlySpan<byte> key, int bytesWanted, out int length)
        {
            var before = faults.BytesRead;
            var value = Get(key);
            length = value?.Length ?? 0;
            faults.BytesRead = before + Math.Min(length, bytesWanted);
            return value is null || length <= bytesWanted ? value : value[..bytesWanted];
        }

        public byte[]? GetDurable(ReadOnlySpan<byte> key) => inner.GetDurable(key);

        public IEngineSnapshot TakeSnapshot() => inner.TakeSnapshot();

        public void Write(EngineBatch batch)
        {
            if (faults.FailWrites)
            {
                throw new StorageException("No space left on device.");
            }

            inner.Write(batch);
            faults.AfterWrite?.Invoke();
        }

        public void Flush() => inner.Flush();

        public void SaveCheckpoint(string directory) => inner.SaveCheckpoint(directory);

        public void VerifyChecksums() => inner.VerifyChecksums();

        public void Dispose() => inner.Dispose();
    }
}
