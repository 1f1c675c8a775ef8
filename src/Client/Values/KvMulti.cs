namespace KvRaft.Client;

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
