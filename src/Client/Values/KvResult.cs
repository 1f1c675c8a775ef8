using System.Diagnostics.CodeAnalysis;

namespace KvRaft.Client;

/// <summary>The answer to a read. A key that is not there is an answer, not an error.</summary>
public readonly record struct KvResult<TValue>
{
    public bool Found { get; init; }

    /// <summary>Meaningful only if <see cref="Found"/>; its value is empty for <see cref="NotModified"/> and head-only reads.</summary>
    public KvEntry<TValue> Entry { get; init; }

    /// <summary>The caller's version is still the newest.</summary>
    public bool NotModified { get; init; }

    /// <summary>What was really delivered, which is never less than what was asked for.</summary>
    public KvConsistencyLevel Delivered { get; init; }

    /// <summary>
    /// Upper bound of the answer's age, as the replica measured it: zero if linearizable, <see cref="Timeout.InfiniteTimeSpan"/> if it is
    /// not known.
    /// </summary>
    public TimeSpan Staleness { get; init; }

    /// <summary>The id of the node whose replica answered.</summary>
    public string? ServedBy { get; init; }

    /// <summary>That replica led its shard.</summary>
    public bool ServedByLeader { get; init; }

    /// <summary>What the shard's clock showed, which judges when values end: <see cref="KvEntry{TValue}.ExpiresAt"/> less this is what is left of one.</summary>
    public DateTimeOffset ServerTime { get; init; }

    public long Version => Found ? Entry.Version : 0;

    /// <summary>The value, or <see langword="default"/> if there is none.</summary>
    public TValue? ValueOrDefault => Found ? Entry.Value : default;

    /// <exception cref="KeyNotFoundException">There is none.</exception>
    public TValue Value => Found ? Entry.Value : throw new KeyNotFoundException("The key is not in the keyspace.");

    public bool TryGet([MaybeNullWhen(false)] out TValue value)
    {
        value = Found ? Entry.Value : default;
        return Found;
    }
}
