using System.Buffers.Binary;

namespace KvRaft.Raft.Runs;

/// <summary>
/// One run of a process on a data directory; nodes introduce their runs to one another on each connection. A directory that is an older copy of itself
/// is detected in two ways: another node has seen a later run of the same directory, or the directory's log ends before a batch that an earlier run had reported as written.
/// <code>
/// run   u64 generation | 16 id | u64 log batch      little-endian
/// </code>
/// </summary>
/// <param name="Generation">Counts the starts of the directory; drawn and synced before the node connects to another one.</param>
/// <param name="Id">Drawn at random at each start: two copies of one directory draw the same generation, never the same id.</param>
/// <param name="LogBatch">The last batch of the node's log when it was opened; 0: the log was new.</param>
internal readonly record struct NodeRun(long Generation, Guid Id, long LogBatch)
{
    public const int Bytes = 8 + 16 + 8;

    public void WriteTo(Span<byte> bytes)
    {
        BinaryPrimitives.WriteInt64LittleEndian(bytes, Generation);
        Id.TryWriteBytes(bytes[8..]);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[24..], LogBatch);
    }

    /// <summary>Null: the bytes are not a valid run.</summary>
    public static NodeRun? Read(ReadOnlySpan<byte> bytes)
    {
        var run = new NodeRun(
            BinaryPrimitives.ReadInt64LittleEndian(bytes), new Guid(bytes.Slice(8, 16)), BinaryPrimitives.ReadInt64LittleEndian(bytes[24..]));
        return run.Generation > 0 && run.LogBatch >= 0 ? run : null;
    }
}

/// <summary>The record of another node's last run.</summary>
/// <param name="Generation">The generation of the last run that connected.</param>
/// <param name="Id">The id of that run.</param>
/// <param name="LogBatch">The last batch that this run reported as in its log, or the last batch at its start.</param>
internal readonly record struct KnownRun(long Generation, Guid Id, long LogBatch);
