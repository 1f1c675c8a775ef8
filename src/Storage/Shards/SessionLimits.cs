namespace KvRaft.Storage.Shards;

/// <summary>
/// How long and how much a shard remembers of its writers. Part of what apply computes, so it is no option: all replicas use
/// <see cref="Standard"/>, and only tests use smaller ones, the same for all replicas of a test.
/// </summary>
internal sealed record SessionLimits
{
    public static readonly SessionLimits Standard = new();

    /// <summary>
    /// Activity is kept in granules of this length, so that a busy session's row in the idle index moves once a minute instead of with
    /// each write.
    /// </summary>
    public const long GranuleMs = 60_000;

    /// <summary>
    /// A session that wrote nothing for this long, by log time, is forgotten. A client gives up a request after seconds and never
    /// sends it again after minutes; ten minutes leave room for proxies, queues and a stopped client, and bound what one-shot writers
    /// (a new id for each request) cost.
    /// </summary>
    public long IdleMs { get; init; } = 10 * 60_000;

    /// <summary>Sessions plus outcomes in one shard. At about 100 bytes each, 100 MiB of rows that are mostly read never.</summary>
    public long EntriesMax { get; init; } = 1_000_000;

    /// <summary>Bytes of outcome rows in one shard: as above, for answers that carry values.</summary>
    public long BytesMax { get; init; } = 128L << 20;

    /// <inheritdoc cref="ShardLimits.SessionOutcomesMax"/>
    public int OutcomesPerSessionMax { get; init; } = ShardLimits.SessionOutcomesMax;

    /// <summary>Once over a limit, evict this share of it (a 256th) below it, so that not every write pays for a search.</summary>
    public static long AfterEviction(long max) => max - (max / 256);
}
