namespace KvRaft.Storage.Commands;

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

    /// <summary>
    /// Values of one answer, bytes in all: the largest message a node may be set to send. A command carries the smaller limit of the node that proposed it
    /// (<see cref="ShardCommand.AnswerBytesMax"/>).
    /// </summary>
    public const int AnswerBytesMax = 64 * 1024 * 1024;

    /// <summary>What an answer takes for each value in it besides its bytes: version, expiry, tags and lengths.</summary>
    public const int AnswerOverheadBytes = 48;

    /// <summary>
    /// Bytes of changed rows after which an apply writes what it has and goes on with the next entry in another batch. A batch holds its rows three times
    /// (pending, encoded, in the write buffer), so an apply of many large entries would otherwise hold hundreds of megabytes.
    /// </summary>
    public const long ApplyBatchBytesMax = 16L << 20;

    /// <summary>Values an outcome may carry and still be remembered with them, bytes in all; a repeat of a longer answer lacks them.</summary>
    public const int RememberedValueBytesMax = 1_024;
}
