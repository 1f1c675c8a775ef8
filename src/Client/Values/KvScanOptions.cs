namespace KvRaft.Client;

/// <summary>
/// Which keys to walk over. Bounds are bytes, because order is the order of bytes. Keys come in order within a shard; shards
/// follow one another, so the whole is not in order unless <see cref="Ordered"/> asks for it.
/// </summary>
public sealed record KvScanOptions
{
    public ReadOnlyMemory<byte> Prefix { get; init; }

    /// <summary>Inclusive.</summary>
    public ReadOnlyMemory<byte> Start { get; init; }

    /// <summary>Exclusive; empty: no end.</summary>
    public ReadOnlyMemory<byte> End { get; init; }

    /// <summary>From the last key to the first: of each shard, or of all with <see cref="Ordered"/>.</summary>
    public bool Reverse { get; init; }

    /// <summary>In the order of keys over all shards; the node that is asked merges them, at the pace of the reader.</summary>
    public bool Ordered { get; init; }

    /// <summary>Leave the values empty.</summary>
    public bool KeysOnly { get; init; }

    /// <summary>Null: all.</summary>
    public long? Limit { get; init; }

    /// <summary>Only this shard; null: all.</summary>
    public int? Shard { get; init; }

    public KvConsistency Consistency { get; init; } = KvConsistency.Linearizable;

    /// <summary>The longest silence of the stream, after which it is resumed elsewhere; null: the client's time-out.</summary>
    public TimeSpan? Timeout { get; init; }
}
