namespace KvRaft.Storage.Commands;

/// <summary>What a shard holds under a key.</summary>
/// <param name="Value">The bytes.</param>
/// <param name="Version">The shard's revision at the write that last touched this key; positive.</param>
/// <param name="ExpireAtMs">The instant, Unix milliseconds, at which the key ceases to exist; 0 = never.</param>
public readonly record struct StoredValue(ReadOnlyMemory<byte> Value, long Version, long ExpireAtMs)
{
    /// <summary>Whether a shard whose clock shows <paramref name="clockMs"/> still shows this value.</summary>
    public bool IsVisibleAt(long clockMs) => ExpireAtMs == 0 || clockMs < ExpireAtMs;
}
