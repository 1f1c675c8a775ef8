namespace KvRaft.Raft.Log;

/// <summary>Totals of a node's log since it was opened, and its present size.</summary>
/// <param name="Syncs">fdatasync calls of the writer; one per batch.</param>
/// <param name="Batches">Batches written. <paramref name="Records"/> divided by this is the efficiency of group commit.</param>
/// <param name="Records">Records written, restated ones included.</param>
/// <param name="Bytes">Bytes of those batches.</param>
/// <param name="Segments">Segment files in use, without the prepared one.</param>
/// <param name="SegmentBytes">Their size on disk, bytes.</param>
/// <param name="CachedBytes">Payload bytes of entries held in memory.</param>
/// <param name="Holes">Damaged places found when the log was opened.</param>
public readonly record struct LogStatistics(
    long Syncs, long Batches, long Records, long Bytes, int Segments, long SegmentBytes, long CachedBytes, int Holes);
