namespace KvRaft.Client;

/// <summary>The relation between the writes of a multi-set.</summary>
public enum KvAtomicity
{
    /// <summary>None: each write is applied, refused or fails independently.</summary>
    None,

    /// <summary>
    /// All writes are applied, or none if one condition does not hold; all keys must be in one shard, for example with the same {tag}.
    /// </summary>
    Shard,
}

/// <summary>One key of a multi-get: its result, or the error of its read.</summary>
public readonly record struct KvMultiGetItem<TKey, TValue>(TKey Key, KvResult<TValue> Result, KvException? Error);

/// <summary>One write of a multi-set.</summary>
public readonly record struct KvMultiSetItem<TKey, TValue>
{
    public required TKey Key { get; init; }

    /// <summary>Null with <see cref="Delete"/>.</summary>
    public TValue? Value { get; init; }

    /// <summary>Delete the key instead.</summary>
    public bool Delete { get; init; }

    public KvExpiry Expiry { get; init; }

    public KvCondition? Condition { get; init; }
}

/// <summary>The result of one write of a multi-set.</summary>
public readonly record struct KvMultiSetResult<TKey, TValue>(TKey Key, KvWriteResult<TValue> Result, KvException? Error);
