using KvRaft.Benchmarks.Clusters;
using KvRaft.Storage;
using KvRaft.Storage.Commands;
using KvRaft.Storage.Engine;
using KvRaft.Storage.Shards;

namespace KvRaft.Benchmarks.Micro;

/// <summary>A shard's state machine over RocksDB: applying stamped puts in batches of several sizes, and reading single keys.</summary>
internal static class EngineBenchmarks
{
    private const int Keys = 10_000;
    private const int PutsPerRound = 16_384;
    private const int ReadsPerRound = 50_000;
    private const long Term = 1;

    public static IEnumerable<MicroResult> Run(ClusterDirectory directory, Rounds rounds)
    {
        using var resources = new StorageResources(new StorageBudget());
        foreach (var batch in (int[])[1, 16, 256])
        {
            using var shard = ShardStateMachine.Open(directory.Of($"apply-{batch}"), resources, ShardSettings.Default);
            var writer = new Writer(shard);
            yield return rounds.Measure($"engine: apply a put, {batch} to a batch", PutsPerRound, () => writer.Apply(PutsPerRound, batch));
        }

        using var filled = ShardStateMachine.Open(directory.Of("read"), resources, ShardSettings.Default);
        new Writer(filled).Apply(Keys, PutsPerRound);
        yield return rounds.Measure("engine: read a key out of the memtable", ReadsPerRound, () => Read(filled));
        filled.Flush();
        yield return rounds.Measure("engine: read a key out of the block cache", ReadsPerRound, () => Read(filled));
    }

    private static void Read(ShardStateMachine shard)
    {
        var chance = new Random(ReadsPerRound);
        for (var i = 0; i < ReadsPerRound; i++)
        {
            if (shard.Get(SomePuts.Keyspace, SomePuts.Key(chance.Next(Keys))) is null)
            {
                throw new InvalidOperationException("A key that was applied is not there.");
            }
        }
    }

    /// <summary>Puts key after key into a shard; encoding is part of the result, because it is part of a put.</summary>
    private sealed class Writer(ShardStateMachine shard)
    {
        private long _index;
        private ulong _sequence;

        public void Apply(int puts, int batch)
        {
            for (var done = 0; done < puts; done += batch)
            {
                var commands = new ReadOnlyMemory<byte>[Math.Min(batch, puts - done)];
                for (var i = 0; i < commands.Length; i++)
                {
                    _sequence++;
                    commands[i] = CommandCodec.Encode(SomePuts.Put((int)(_sequence % Keys), _sequence));
                }

                shard.Apply([new CommittedEntry(new LogPosition(Term, ++_index), ProposedAtMs: 1, commands)]);
            }
        }
    }
}
