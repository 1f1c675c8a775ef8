using System.Security.Cryptography;

namespace KvRaft.Raft.Log;

/// <summary>Disk and memory use of a <see cref="NodeLog"/>. None of the options is stored: every value may change between starts.</summary>
internal sealed record NodeLogOptions
{
    /// <summary>The smallest segment: its header and a few records. Real nodes use 8 MiB and more; the tests use small segments to roll often.</summary>
    public const int SegmentBytesMin = 2048;

    /// <summary>The largest segment. Offsets are ints, and a start reads one whole segment into memory at a time.</summary>
    public const int SegmentBytesMax = 1 << 30;

    /// <summary>
    /// Size of a segment file, bytes; zeros are written ahead (1.8 times lower sync latency than a growing file). 64 MiB is a
    /// second or so of a saturated disk, so that rolling and restating are rare. Development mode uses 8 MiB.
    /// </summary>
    public int SegmentBytes { get; init; } = 64 << 20;

    /// <summary>
    /// The number of this start of the data directory. Each start makes the first segment if there is none, so from the second start on a log without segments is not new but lost, and
    /// with it the votes and entries that replicas acknowledged.
    /// </summary>
    public long Generation { get; init; } = 1;

    /// <summary>Disk space for segments before the groups that pin the oldest ones must flush, bytes.</summary>
    public long LogBytesMax { get; init; } = 1L << 30;

    /// <summary>Memory for payloads of recent entries of all groups together, bytes. Payloads that are not on disk yet are kept beyond it.</summary>
    public long TailCacheBytes { get; init; } = 64L << 20;

    /// <summary>Largest payload of one entry, bytes; four times the transport's usual message limit.</summary>
    public int PayloadBytesMax { get; init; } = 16 << 20;

    /// <summary>A batch (one write, one sync) is closed when it reaches this size, bytes. Beyond 4 MiB the disk's bandwidth, not its sync, limits the rate.</summary>
    public int BatchBytesMax { get; init; } = 4 << 20;

    /// <summary>The shortest interval between two writes of the durable mark. It limits how much of a lost tail can be confused with a torn one.</summary>
    public TimeSpan DurableMarkInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Source of each segment's checksum salt. It must be unpredictable for clients that supply payloads.</summary>
    public Func<ulong> Salt { get; init; } = static () => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>No threads: <see cref="NodeLog.Pump"/> does the work on the caller's thread. For replayable tests.</summary>
    public bool IsManual { get; init; }

    /// <exception cref="ArgumentException">A value is out of its range; the message contains all faults.</exception>
    public void Validate()
    {
        var faults = new List<string>();
        if (SegmentBytes is < SegmentBytesMin or > SegmentBytesMax)
        {
            faults.Add($"SegmentBytes must be {SegmentBytesMin} to {SegmentBytesMax}, is {SegmentBytes}");
        }

        if (PayloadBytesMax < 1 || PayloadBytesMax > SegmentBytesMax / 2)
        {
            faults.Add($"PayloadBytesMax must be 1 to {SegmentBytesMax / 2}, is {PayloadBytesMax}");
        }

        if (BatchBytesMax < 1 || BatchBytesMax > SegmentBytesMax / 2)
        {
            faults.Add($"BatchBytesMax must be 1 to {SegmentBytesMax / 2}, is {BatchBytesMax}");
        }

        if (LogBytesMax < SegmentBytes)
        {
            faults.Add($"LogBytesMax must be at least SegmentBytes, is {LogBytesMax}");
        }

        if (TailCacheBytes < 0)
        {
            faults.Add($"TailCacheBytes must not be negative, is {TailCacheBytes}");
        }

        if (DurableMarkInterval <= TimeSpan.Zero)
        {
            faults.Add($"DurableMarkInterval must be positive, is {DurableMarkInterval}");
        }

        if (faults.Count > 0)
        {
            throw new ArgumentException(string.Join("; ", faults) + ".");
        }
    }
}
