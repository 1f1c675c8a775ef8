namespace KvRaft.Client;

/// <summary>A value and what is known about it.</summary>
/// <param name="Version">
/// Versions of one shard are totally ordered; a key's is that of its last write. Starts at 1.
/// </param>
/// <param name="ExpiresAt">When it ends, by the store's clock; null: never.</param>
public readonly record struct KvEntry<TValue>(TValue Value, long Version, DateTimeOffset? ExpiresAt);

/// <summary>A key with its value.</summary>
public readonly record struct KvPair<TKey, TValue>(TKey Key, KvEntry<TValue> Entry)
{
    public TValue Value => Entry.Value;

    public long Version => Entry.Version;
}
