namespace KvRaft.Raft.Log;

/// <summary>The kinds of entries in Raft. The numbers are on disk (FORMAT.md).</summary>
internal enum LogEntryKind : byte
{
    Command = 1,
    NoOp = 2,
    Configuration = 3,
}

/// <summary>One entry of a group's log. The payload is immutable and owned by the garbage collector: it may be kept without limit.</summary>
internal readonly record struct LogEntry(long Index, long Term, LogEntryKind Kind, ReadOnlyMemory<byte> Payload);
