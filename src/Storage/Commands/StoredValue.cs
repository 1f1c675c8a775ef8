namespace KvRaft.Storage.Commands;

/// <summary>The value of a key in a shard.</summary>
/// <param name="Value">The bytes.</param>
/// <param name="Version">The revision of the shard at the last write of this key; positive.</param>
/// <param name="ExpireAtMs">The instant, Unix milliseconds, at which the key expires; 0 = never.</param>
public readonly record struct StoredValue(ReadOnlyMemory<byte> Value, long Version, long ExpireAtMs)
{
    /// <summary>Whether the value is visible while the clock of the shard is at <paramref name="clockMs"/>.</summary>
    public bool IsVisibleAt(long clockMs) => ExpireAtMs == 0 || clockMs < ExpireAtMs;
}
