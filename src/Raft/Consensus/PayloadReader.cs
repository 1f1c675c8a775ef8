using System.Buffers;
using DotNext.IO;
using KvRaft.Raft.Options;

namespace KvRaft.Raft.Consensus;

/// <summary>Copies what DotNext holds in its own buffers into memory the log may keep.</summary>
internal static class PayloadReader
{
    /// <summary>
    /// Of one entry: far above what a leader proposes (<see cref="RaftGroupLimits.EntryBytesMax"/>), so that nodes with different limits understand
    /// each other. What an entry claims to be long is another node's word, and is compared with this before memory is taken for it.
    /// </summary>
    public const int PayloadBytesMax = 64 << 20;

    /// <exception cref="IOException">It is longer than any entry may be.</exception>
    public static async ValueTask<ReadOnlyMemory<byte>> ReadAsync<TObject>(TObject source, CancellationToken cancellationToken)
        where TObject : IDataTransferObject
    {
        if (source.TryGetMemory(out var memory))
        {
            return memory.Length <= PayloadBytesMax ? memory.ToArray() : throw TooLong(memory.Length);
        }

        if (source.Length is < 0 or > PayloadBytesMax)
        {
            throw TooLong(source.Length.Value);
        }

        var writer = new BoundedWriter(Math.Max(16, (int)(source.Length ?? 0)));
        await source.WriteToAsync(writer, token: cancellationToken).ConfigureAwait(false);
        return writer.Written;
    }

    private static IOException TooLong(long bytes) => new($"An entry of {bytes} bytes; the longest that is taken has {PayloadBytesMax}.");

    /// <summary>An entry may be longer than it said, or not have said anything.</summary>
    private sealed class BoundedWriter(int capacity) : IBufferWriter<byte>
    {
        private readonly ArrayBufferWriter<byte> _inner = new(capacity);

        public ReadOnlyMemory<byte> Written => _inner.WrittenMemory;

        public void Advance(int count) => _inner.Advance(count);

        public Memory<byte> GetMemory(int sizeHint = 0) => Checked(sizeHint).GetMemory(sizeHint);

        public Span<byte> GetSpan(int sizeHint = 0) => Checked(sizeHint).GetSpan(sizeHint);

        private ArrayBufferWriter<byte> Checked(int sizeHint) => _inner.WrittenCount + (long)Math.Max(1, sizeHint) <= PayloadBytesMax + 1
            ? _inner
            : throw TooLong(_inner.WrittenCount + (long)sizeHint);
    }
}
