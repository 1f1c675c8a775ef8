namespace KvRaft.Raft.Log;

/// <summary>The location of an entry in the files, and the data that is needed too often to read it: 32 bytes of memory per entry.</summary>
/// <param name="Term">The entry's term.</param>
/// <param name="Segment">Number of the segment; 0 until the entry is durable.</param>
/// <param name="Offset">Offset of its record in the segment, bytes.</param>
/// <param name="Length">Payload length, bytes.</param>
/// <param name="Kind">The entry's kind.</param>
internal readonly record struct EntryLocation(long Term, long Segment, int Offset, int Length, LogEntryKind Kind);
