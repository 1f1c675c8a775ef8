using System.Buffers;
using DotNext.IO;

namespace KvRaft.Raft;

/// <summary>Copies what DotNext holds in its own buffers into memory the log may keep.</summary>
internal static class PayloadReader
{
    public static async ValueTask<ReadOnlyMemory<byte>> ReadAsync<TObject>(TObject source, CancellationToken cancellationToken)
        where TObject : IDataTransferObject
    {
        if (source.TryGetMemory(out var memory))
        {
            return memory.ToArray();
        }

        var writer = new ArrayBufferWriter<byte>(Math.Max(16, (int)(source.Length ?? 0)));
        await source.WriteToAsync(writer, token: cancellationToken).ConfigureAwait(false);
        return writer.WrittenMemory;
    }
}
