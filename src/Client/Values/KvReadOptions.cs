namespace KvRaft.Client;

public sealed record KvReadOptions
{
    public KvConsistency Consistency { get; init; } = KvConsistency.Linearizable;

    /// <summary>Null: the timeout of the client.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>The version that the caller holds; if it is still the newest, the answer contains no value. 0: the caller holds none.</summary>
    public long IfVersionNot { get; init; }

    /// <summary>Returns only version and expiry.</summary>
    public bool HeadOnly { get; init; }

    /// <summary>
    /// If there is no answer after this time, the read is also sent to another node, and the first answer wins; null: never. With about the 99th
    /// percentile of the latency, one percent more reads cut off the rest of the tail.
    /// </summary>
    public TimeSpan? HedgeAfter { get; init; }
}

public sealed record KvWriteOptions
{
    public KvExpiry Expiry { get; init; }

    public KvCondition? Condition { get; init; }

    /// <summary>Return the previous value.</summary>
    public bool ReturnPrevious { get; init; }

    /// <summary>Null: the timeout of the client.</summary>
    public TimeSpan? Timeout { get; init; }
}

public sealed record KvIncrementOptions
{
    /// <summary>The initial number of an absent key.</summary>
    public long Initial { get; init; }

    /// <summary>The minimum of the result; null: no bound.</summary>
    public long? Min { get; init; }

    /// <summary>The maximum of the result; null: no bound.</summary>
    public long? Max { get; init; }

    /// <summary>For a key that this call creates; an existing key keeps its expiry.</summary>
    public KvExpiry Expiry { get; init; }

    /// <summary>Not allowed for an increment within a transaction, which has its own conditions.</summary>
    public KvCondition? Condition { get; init; }

    public TimeSpan? Timeout { get; init; }
}
