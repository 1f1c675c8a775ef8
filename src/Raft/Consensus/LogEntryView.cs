using System.Collections;
using DotNext.Buffers;
using DotNext.IO;
using DotNext.IO.Log;
using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Log;

namespace KvRaft.Raft.Consensus;

/// <summary>One of our log entries in the form that DotNext requires. No copy is made.</summary>
internal readonly struct LogEntryView(LogEntry entry) : IRaftLogEntry
{
    public long Term => entry.Term;

    bool IRaftLogEntry.IsConfiguration => entry.Kind == LogEntryKind.Configuration;

    bool ILogEntry.IsSnapshot => false;

    bool IDataTransferObject.IsReusable => true;

    long? IDataTransferObject.Length => entry.Payload.Length;

    bool IDataTransferObject.TryGetMemory(out ReadOnlyMemory<byte> memory)
    {
        memory = entry.Payload;
        return true;
    }

    ValueTask IDataTransferObject.WriteToAsync<TWriter>(TWriter writer, CancellationToken token) =>
        writer.WriteAsync(entry.Payload, null, token);

    ValueTask<TResult> IDataTransferObject.TransformAsync<TResult, TTransformation>(TTransformation transformation, CancellationToken token) =>
        transformation.TransformAsync(new SequenceReader(entry.Payload), token);
}

/// <summary>A run of our entries in the form that DotNext requires.</summary>
internal readonly struct LogEntryList(IReadOnlyList<LogEntry> entries) : IReadOnlyList<LogEntryView>
{
    public static readonly LogEntryList Empty = new([]);

    public int Count => entries.Count;

    public LogEntryView this[int index] => new(entries[index]);

    public IEnumerator<LogEntryView> GetEnumerator()
    {
        foreach (var entry in entries)
        {
            yield return new LogEntryView(entry);
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
