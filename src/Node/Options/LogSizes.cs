namespace KvRaft.Node.Options;

/// <summary>How much disk the node's log takes.</summary>
internal sealed record LogSizes
{
    /// <summary>
    /// Bytes of one segment. A segment is zeroed before use, so three of them are written at the first start; and deleted as a whole, so
    /// the log is reclaimed in steps of this.
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

    /// <summary>What a laptop that tries the store should not notice: a few MiB at start, replay in a blink.</summary>
    public static LogSizes Small { get; } = new() { SegmentBytes = 8 << 20, BytesMax = 128L << 20, RetainedBytesMax = 512L << 20 };

    /// <summary>Fewer segments than this could not turn over: one being written, one prepared, one flushed, one to be deleted.</summary>
    public const int SegmentsMin = 4;
}
