namespace KvRaft.Client;

/// <summary>A value with its version and expiry.</summary>
/// <param name="Value">The value.</param>
/// <param name="Version">The version of the last write of the key. Versions of one shard are totally ordered and start at 1.</param>
/// <param name="ExpiresAt">By the clock of the store; null: never.</param>
public readonly record struct KvEntry<TValue>(TValue Value, long Version, DateTimeOffset? ExpiresAt);

/// <summary>A key with its value.</summary>
public readonly record struct KvPair<TKey, TValue>(TKey Key, KvEntry<TValue> Entry)
{
    public TValue Value => Entry.Value;

    public long Version => Entry.Version;
}
