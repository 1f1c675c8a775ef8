using KvRaft.Storage.Commands;

namespace KvRaft.Storage.Sessions;

/// <summary>
/// How long and how much a shard remembers of its writers. Apply depends on these limits, so they are not options: all replicas use
/// <see cref="Standard"/>, and only tests use smaller ones, the same for all replicas of a test.
/// </summary>
internal sealed record SessionLimits
{
    public static readonly SessionLimits Standard = new();

    /// <summary>
    /// Activity is recorded in granules of this length, so that the row of a busy session in the idle queue moves once a minute instead of with
    /// each write.
    /// </summary>
    public const long GranuleMs = 60_000;

    /// <summary>
    /// If a session wrote nothing for this long, by the clock of the shard, it is discarded. A client gives up a request after seconds and never
    /// sends it again after minutes. Ten minutes allow for proxies, queues and a stopped client, and bound the cost of one-shot writers
    /// (a new id for each request).
    /// </summary>
    public long IdleMs { get; init; } = 10 * 60_000;

    /// <summary>Sessions plus outcomes in one shard. At about 100 bytes each, 100 MiB of rows, most of which are never read.</summary>
    public long EntriesMax { get; init; } = 1_000_000;

    /// <summary>Bytes of outcome rows in one shard: as above, for answers that carry values.</summary>
    public long BytesMax { get; init; } = 128L << 20;

    /// <inheritdoc cref="ShardLimits.SessionOutcomesMax"/>
    public int OutcomesPerSessionMax { get; init; } = ShardLimits.SessionOutcomesMax;

    /// <summary>
    /// Rows that one write may evict while the table is over a limit. A write adds two rows, so the table shrinks during writes, and no
    /// write carries the cost of many others. (When a table evicted a 256th of its rows at once, the shard stopped for seconds.)
    /// </summary>
    public const int EvictedRowsPerWriteMax = 8;

    /// <summary>A write that added a large outcome may evict one more row for so many bytes.</summary>
    public const int EvictedBytesPerRow = 256;
}
