using System.Diagnostics.CodeAnalysis;

namespace KvRaft.Client;

/// <summary>The answer to a read. An absent key is an answer, not an error.</summary>
public readonly record struct KvResult<TValue>
{
    public bool Found { get; init; }

    /// <summary>Meaningful only if <see cref="Found"/>; its value is empty for <see cref="NotModified"/> and head-only reads.</summary>
    public KvEntry<TValue> Entry { get; init; }

    /// <summary>The version of the caller is still the newest.</summary>
    public bool NotModified { get; init; }

    /// <summary>The delivered consistency, which is never weaker than the requested one.</summary>
    public KvConsistencyLevel Delivered { get; init; }

    /// <summary>
    /// An upper bound of the age of the answer, as measured by the replica: zero if linearizable, <see cref="Timeout.InfiniteTimeSpan"/> if unknown.
    /// </summary>
    public TimeSpan Staleness { get; init; }

    /// <summary>The id of the node whose replica answered.</summary>
    public string? ServedBy { get; init; }

    /// <summary>The replica was the leader of its shard.</summary>
    public bool ServedByLeader { get; init; }

    /// <summary>
    /// The clock of the shard, which decides when values expire: <see cref="KvEntry{TValue}.ExpiresAt"/> minus this is the remaining time to live.
    /// </summary>
    public DateTimeOffset ServerTime { get; init; }

    public long Version => Found ? Entry.Version : 0;

    /// <summary>The value, or <see langword="default"/> if the key is absent.</summary>
    public TValue? ValueOrDefault => Found ? Entry.Value : default;

    /// <exception cref="KeyNotFoundException">The key is absent.</exception>
    public TValue Value => Found ? Entry.Value : throw new KeyNotFoundException("The key is not in the keyspace.");

    public bool TryGet([MaybeNullWhen(false)] out TValue value)
    {
        value = Found ? Entry.Value : default;
        return Found;
    }
}
