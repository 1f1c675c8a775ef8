using System.Collections.Immutable;
using KvRaft.Storage.Engine;
using KvRaft.Storage.Schema;

namespace KvRaft.Simulation.Tests.Groups;

/// <summary>Engines whose checkpoints lack the sessions; they implement <see cref="GroupBug.CheckpointsLackSessions"/>.</summary>
internal sealed class EnginesWithoutSessions : IEngineFactory
{
    public IStorageEngine Open(string directory) => new Engine(new InMemoryEngine(directory));

    public IStorageEngine OpenJournaled(string directory) => Open(directory);

    private sealed class Engine(InMemoryEngine inner) : IStorageEngine
    {
        public EngineStatistics Statistics => inner.Statistics;

        public byte[]? Get(ReadOnlySpan<byte> key) => inner.Get(key);

        public byte[]? GetDurable(ReadOnlySpan<byte> key) => inner.GetDurable(key);

        public IEngineSnapshot TakeSnapshot() => inner.TakeSnapshot();

        public void Write(EngineBatch batch) => inner.Write(batch);

        public void Flush() => inner.Flush();

        public void SaveCheckpoint(string directory)
        {
            inner.SaveCheckpoint(directory);
            var file = Path.Combine(directory, InMemoryFile.Name);
            var kept = InMemoryFile.Read(file).Where(static row => row.Key[0] is not (KeyLayout.SessionPrefix or KeyLayout.OutcomePrefix or KeyLayout.IdlePrefix));
            InMemoryFile.Write(file, kept.ToImmutableSortedSet());
        }

        public void VerifyChecksums() => inner.VerifyChecksums();

        public void Dispose() => inner.Dispose();
    }
}
