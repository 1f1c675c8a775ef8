using DotNext.Buffers;
using DotNext.IO;
using DotNext.IO.Log;
using DotNext.Net.Cluster.Consensus.Raft;

namespace KvRaft.Raft.Proposals;

/// <summary>
/// An entry in transit from the proposal queue into the log. It carries its payload by reference and receives its index. So
/// the queue can distinguish "never appended" (certainly not executed) from "appended, then leadership was lost" (unknown).
/// </summary>
internal sealed class ProposedEntry(long term, ReadOnlyMemory<byte> payload) : IRaftLogEntry
{
    private long _index;

    public long Term { get; } = term;

    public ReadOnlyMemory<byte> Payload { get; } = payload;

    /// <summary>The index at which it was appended; 0 before that.</summary>
    public long Index
    {
        get => Volatile.Read(ref _index);
        set => Volatile.Write(ref _index, value);
    }

    bool ILogEntry.IsSnapshot => false;

    bool IDataTransferObject.IsReusable => true;

    long? IDataTransferObject.Length => Payload.Length;

    bool IDataTransferObject.TryGetMemory(out ReadOnlyMemory<byte> memory)
    {
        memory = Payload;
        return true;
    }

    ValueTask IDataTransferObject.WriteToAsync<TWriter>(TWriter writer, CancellationToken token) =>
        writer.WriteAsync(Payload, null, token);

    ValueTask<TResult> IDataTransferObject.TransformAsync<TResult, TTransformation>(TTransformation transformation, CancellationToken token) =>
        transformation.TransformAsync(new SequenceReader(Payload), token);
}
