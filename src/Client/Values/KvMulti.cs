namespace KvRaft.Client;

/// <summary>What the writes of a multi-set have to do with each other.</summary>
public enum KvAtomicity
{
    /// <summary>Nothing: each is applied, refused or fails for itself.</summary>
    None,

    /// <summary>All are applied or none is, if one condition does not hold; all keys must be in one shard, as those of one {tag} are.</summary>
    Shard,
}

/// <summary>One key of a multi-get: what was found, or why it could not be read.</summary>
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

/// <summary>What became of one write of a multi-set.</summary>
public readonly record struct KvMultiSetResult<TKey, TValue>(TKey Key, KvWriteResult<TValue> Result, KvException? Error);
