namespace KvRaft.Raft.Log;

/// <summary>Where an entry stands in the files, and what is asked of it too often to read it: 32 bytes in memory an entry.</summary>
/// <param name="Term">The entry's term.</param>
/// <param name="Segment">Number of the segment; 0 until the entry is durable.</param>
/// <param name="Offset">Offset of its record in the segment, bytes.</param>
/// <param name="Length">Payload length, bytes.</param>
/// <param name="Kind">The entry's kind.</param>
internal readonly record struct EntryLocation(long Term, long Segment, int Offset, int Length, LogEntryKind Kind);
