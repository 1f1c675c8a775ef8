namespace KvRaft.Storage.Commands;

/// <summary>
/// Hard limits of a shard. They are constants, not options: apply enforces them, and replicas with different values would
/// diverge. The node enforces lower limits before it proposes.
/// </summary>
public static class ShardLimits
{
    /// <summary>Longest key, bytes. Index rows and index blocks repeat keys; 8 KiB keeps both far below a 64 KiB block.</summary>
    public const int KeyBytesMax = 8 * 1024;

    /// <summary>Longest value, bytes. Four messages of gRPC's default 4 MiB: a node can store what it can receive.</summary>
    public const int ValueBytesMax = 16 * 1024 * 1024;

    /// <summary>Comparisons and operations of one transaction; etcd's default for the same (<c>--max-txn-ops</c>).</summary>
    public const int TxnOperationsMax = 128;

    /// <summary>
    /// Bytes of the values that one transaction may hash for its compares (<see cref="ConditionKind.ValueSha256Equals"/>), each value counted once: one largest
    /// value, some tens of milliseconds of apply. A node refuses more before it proposes; apply reads each value once in any case.
    /// </summary>
    public const int TxnHashedBytesMax = ValueBytesMax;

    /// <summary>Keys that one range command may delete: about 10 ms of apply, so that it does not delay the entries behind it.</summary>
    public const int DeleteRangeKeysMax = 1_000;

    /// <summary>
    /// Outcomes remembered per session. A client pipelines hundreds of writes; a client with thousands of unacknowledged writes acknowledges
    /// nothing. Its oldest outcomes are discarded, and their numbers count as expired.
    /// </summary>
    public const int SessionOutcomesMax = 4_096;

    /// <summary>Rows one tick may purge; about 40 ms of apply. Ten ticks a second purge 40,000 keys a second.</summary>
    public const int TickRowsMax = 4_096;

    /// <summary>
    /// Latest instant that a shard can store, Unix milliseconds: the last millisecond of the year 9999, the end of .NET's <see cref="DateTimeOffset"/>. A
    /// later one
    /// could be stored, but a .NET client could not represent it.
    /// </summary>
    public const long InstantMsMax = 253_402_300_799_999;

    /// <summary>Longest time-to-live, milliseconds: a hundred years. A value with a longer life is written without an expiry.</summary>
    public const long TtlMsMax = 100L * 366 * 24 * 3600 * 1000;

    /// <summary>
    /// Values of one answer, bytes in total: the largest message that a node can be configured to send. A command carries the smaller limit of the node that
    /// proposed it
    /// (<see cref="ShardCommand.AnswerBytesMax"/>).
    /// </summary>
    public const int AnswerBytesMax = 64 * 1024 * 1024;

    /// <summary>The size of each value in an answer besides its bytes: version, expiry, tags and lengths.</summary>
    public const int AnswerOverheadBytes = 48;

    /// <summary>
    /// Bytes of changed rows after which an apply writes its batch and continues with the next entry in another one. A batch holds its rows three times
    /// (pending, encoded, in the write buffer), so an apply of many large entries would otherwise hold hundreds of megabytes.
    /// </summary>
    public const long ApplyBatchBytesMax = 16L << 20;

    /// <summary>Bytes of values that a remembered outcome keeps, in total. If an answer has more, a repeat of it lacks its values.</summary>
    public const int RememberedValueBytesMax = 1_024;
}
