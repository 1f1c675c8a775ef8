using KvRaft.Raft.Proposals;
using KvRaft.Storage.Commands;

namespace KvRaft.Benchmarks.Micro;

/// <summary>A put in the format of the log, and the entry that contains many of them.</summary>
internal static class CodecBenchmarks
{
    private const int OperationsPerRound = 100_000;
    private const int EnvelopesPerRound = 10_000;
    private const int CommandsPerEntry = 16;

    public static IEnumerable<MicroResult> Run(Rounds rounds)
    {
        var put = SomePuts.Put(key: 1, sequence: 1);
        var bytes = CommandCodec.Encode(put);
        yield return rounds.Measure("codec: encode a put of 100 B", OperationsPerRound, () => Repeat(OperationsPerRound, () => CommandCodec.Encode(put)));
        yield return rounds.Measure("codec: decode it", OperationsPerRound, () => Repeat(OperationsPerRound, () => CommandCodec.Decode(bytes).Command));

        var id = new EntryId(new Guid("6f1d3b50-25a1-4f0c-9d3a-0e5b9a5f7c01"), 1);
        var commands = Enumerable.Repeat((ReadOnlyMemory<byte>)bytes, CommandsPerEntry).ToArray();
        var entry = EntryEnvelope.Encode(id, new ProposalTime(1, IsStep: false), commands);
        yield return rounds.Measure(
            $"codec: encode an entry of {CommandsPerEntry} puts", EnvelopesPerRound, () => Repeat(EnvelopesPerRound, () => EntryEnvelope.Encode(id, new ProposalTime(1, IsStep: false), commands)));
        yield return rounds.Measure(
            "codec: decode it (not its puts)", EnvelopesPerRound, () => Repeat(EnvelopesPerRound, () => EntryEnvelope.Decode(entry).Commands));
    }

    /// <summary>The result is kept until the next one, so that no compiler may remove the work.</summary>
    private static void Repeat(int count, Func<object> work)
    {
        object? last = null;
        for (var i = 0; i < count; i++)
        {
            last = work();
        }

        GC.KeepAlive(last);
    }
}
