namespace KvRaft.Client;

public sealed record KvReadOptions
{
    public KvConsistency Consistency { get; init; } = KvConsistency.Linearizable;

    /// <summary>Null: the client's.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>The version the caller holds; if it is still the newest, the answer is only that. 0: holds none.</summary>
    public long IfVersionNot { get; init; }

    /// <summary>Version and expiry only.</summary>
    public bool HeadOnly { get; init; }

    /// <summary>
    /// If no answer is there after this time, another node is asked as well, and the first answer counts; null: never. Something like the
    /// slowest hundredth of reads costs one read in a hundred more, and cuts the rest of the tail.
    /// </summary>
    public TimeSpan? HedgeAfter { get; init; }
}

public sealed record KvWriteOptions
{
    public KvExpiry Expiry { get; init; }

    public KvCondition? Condition { get; init; }

    /// <summary>Answer with what was there before.</summary>
    public bool ReturnPrevious { get; init; }

    /// <summary>Null: the client's.</summary>
    public TimeSpan? Timeout { get; init; }
}

public sealed record KvIncrementOptions
{
    /// <summary>What an absent key counts as.</summary>
    public long Initial { get; init; }

    /// <summary>The result must not be less; null: no bound.</summary>
    public long? Min { get; init; }

    /// <summary>The result must not be more; null: no bound.</summary>
    public long? Max { get; init; }

    /// <summary>For a key this call makes; an existing key keeps its own.</summary>
    public KvExpiry Expiry { get; init; }

    /// <summary>Not of an increment inside a transaction, which has conditions of its own.</summary>
    public KvCondition? Condition { get; init; }

    public TimeSpan? Timeout { get; init; }
}
