namespace KvRaft.Storage.Shards;

/// <summary>
/// Hard ceilings of a shard. They are constants, not options: apply obeys them, and replicas with different values would
/// diverge. Softer limits are the edge's business, before it proposes.
/// </summary>
public static class ShardLimits
{
    /// <summary>Longest key, bytes. Keys are repeated in index rows and index blocks; 8 KiB keeps both far below a 64 KiB block.</summary>
    public const int KeyBytesMax = 8 * 1024;

    /// <summary>Longest value, bytes. Four messages of gRPC's default 4 MiB: what a node can receive it can also store.</summary>
    public const int ValueBytesMax = 16 * 1024 * 1024;

    /// <summary>Comparisons and operations of one transaction; etcd's default for the same (<c>--max-txn-ops</c>).</summary>
    public const int TxnOperationsMax = 128;

    /// <summary>Keys one range command may delete: about 10 ms of apply, so that it does not hold up the entries behind it.</summary>
    public const int DeleteRangeKeysMax = 1_000;

    /// <summary>
    /// Outcomes remembered of one session. A client pipelines hundreds of writes, so thousands unacknowledged mean that it acknowledges
    /// nothing; its oldest outcomes go and their numbers count as expired.
    /// </summary>
    public const int SessionOutcomesMax = 4_096;

    /// <summary>Rows one tick may purge; about 40 ms of apply. Ten ticks a second purge 40,000 keys a second.</summary>
    public const int TickRowsMax = 4_096;

    /// <summary>
    /// Latest instant a shard can store, Unix milliseconds: the last millisecond of the year 9999, the end of .NET's <see cref="DateTimeOffset"/>. A later one
    /// could be stored, but a .NET client could not show it.
    /// </summary>
    public const long InstantMsMax = 253_402_300_799_999;

    /// <summary>Longest time-to-live, milliseconds: a hundred years. A value that is to live longer is written without an expiry.</summary>
    public const long TtlMsMax = 100L * 366 * 24 * 3600 * 1000;

    /// <summary>Values an outcome may carry and still be remembered with them, bytes in all; a repeat of a longer answer lacks them.</summary>
    public const int RememberedValueBytesMax = 1_024;
}
