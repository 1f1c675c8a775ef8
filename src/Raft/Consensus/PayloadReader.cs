using System.Buffers;
using DotNext.IO;
using KvRaft.Raft.Options;

namespace KvRaft.Raft.Consensus;

/// <summary>Copies data from DotNext's own buffers into memory that the log may keep.</summary>
internal static class PayloadReader
{
    /// <summary>
    /// Maximum of one entry: far above the largest proposal of a leader (<see cref="RaftGroupLimits.EntryBytesMax"/>), so that nodes with different limits are
    /// compatible. The declared length of an entry comes from another node and is checked against this before memory is allocated for it.
    /// </summary>
    public const int PayloadBytesMax = 64 << 20;

    /// <exception cref="IOException">It exceeds the maximum length of an entry.</exception>
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

    private static IOException TooLong(long bytes) => new($"The entry has {bytes} bytes; the limit is {PayloadBytesMax}.");

    /// <summary>An entry may exceed its declared length, or declare none.</summary>
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
