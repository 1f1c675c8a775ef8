namespace KvRaft.Client;

/// <summary>
/// The range and order of a scan. Bounds are bytes, because the order is the order of bytes. Keys are ordered within a shard; shards follow one
/// another, so the whole is ordered only with <see cref="Ordered"/>.
/// </summary>
public sealed record KvScanOptions
{
    public ReadOnlyMemory<byte> Prefix { get; init; }

    /// <summary>Inclusive.</summary>
    public ReadOnlyMemory<byte> Start { get; init; }

    /// <summary>Exclusive; empty: no end.</summary>
    public ReadOnlyMemory<byte> End { get; init; }

    /// <summary>In descending order: within each shard, or over all shards with <see cref="Ordered"/>.</summary>
    public bool Reverse { get; init; }

    /// <summary>In key order over all shards; the node merges the shards at the pace of the reader.</summary>
    public bool Ordered { get; init; }

    /// <summary>Returns keys without values.</summary>
    public bool KeysOnly { get; init; }

    /// <summary>Null: all.</summary>
    public long? Limit { get; init; }

    /// <summary>Only this shard; null: all.</summary>
    public int? Shard { get; init; }

    public KvConsistency Consistency { get; init; } = KvConsistency.Linearizable;

    /// <summary>The longest silence of the stream, after which the scan resumes on another node; null: the timeout of the client.</summary>
    public TimeSpan? Timeout { get; init; }
}
