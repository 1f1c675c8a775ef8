using System.Buffers;
using Microsoft.AspNetCore.Connections.Features;

namespace KvRaft.Node.Http;

/// <summary>
/// The memory into which Kestrel writes the answers of a connection: <see cref="MemoryPool{T}.Shared"/>, which connections have without Kestrel's own transport, but never an
/// empty buffer. While an answer is written, its stream may be reset. Kestrel then lets the writer fill a buffer that it drops, and rents that buffer with a size of 0, which
/// the shared pool answers with no bytes at all. Protobuf asks for a next buffer until its value is written: without end, on one processor.
/// Thread-safe.
/// </summary>
internal sealed class ConnectionMemory : MemoryPool<byte>, IMemoryPoolFeature
{
    /// <summary>A page, as the shared pool has it for callers without a wish.</summary>
    private const int BufferBytesMin = 4096;

    public static ConnectionMemory Instance { get; } = new();

    public override int MaxBufferSize => Shared.MaxBufferSize;

    public MemoryPool<byte> MemoryPool => this;

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1) => Shared.Rent(minBufferSize == 0 ? BufferBytesMin : minBufferSize);

    protected override void Dispose(bool disposing)
    {
        // It has nothing of its own.
    }
}
