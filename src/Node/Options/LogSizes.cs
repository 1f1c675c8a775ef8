namespace KvRaft.Node.Options;

/// <summary>The disk space of the node's log.</summary>
internal sealed record LogSizes
{
    /// <summary>
    /// Bytes of one segment. A segment is zeroed before use, so three of them are written at the first start. A segment is deleted as a whole, so
    /// the log is reclaimed in steps of this size.
    /// </summary>
    public int SegmentBytes { get; init; } = 64 << 20;

    /// <summary>
    /// Bytes of the log beyond which the groups that pin its oldest segments are flushed. Eight default segments: minutes of writes at
    /// tens of MB/s, and a restart that replays for seconds.
    /// </summary>
    public long BytesMax { get; init; } = 512L << 20;

    /// <summary>
    /// Bytes that the log may take while a replica that catches up needs its entries. Writes are slowed as the log approaches this size. Default: four times
    /// <see cref="BytesMax"/>, at least 2 GiB.
    /// </summary>
    public long RetainedBytesMax { get; init; } = 2L << 30;

    /// <summary>Sizes for a trial on a laptop: a few MiB at start, and a short replay.</summary>
    public static LogSizes Small { get; } = new() { SegmentBytes = 8 << 20, BytesMax = 128L << 20, RetainedBytesMax = 512L << 20 };

    /// <summary>The log cannot turn over with fewer segments: one being written, one prepared, one flushed, one to be deleted.</summary>
    public const int SegmentsMin = 4;
}
