namespace KvRaft.Client;

/// <summary>The answer to a put.</summary>
public readonly record struct KvWriteResult<TValue>
{
    /// <summary>False only if the condition did not hold; then <see cref="Current"/> is the existing entry.</summary>
    public bool Applied { get; init; }

    /// <summary>The version of this write; 0 if it was not applied.</summary>
    public long Version { get; init; }

    /// <summary>The previous entry, if requested.</summary>
    public KvEntry<TValue>? Previous { get; init; }

    /// <summary>The existing entry if a condition did not hold; null: the key is absent.</summary>
    public KvEntry<TValue>? Current { get; init; }

    /// <summary>An earlier attempt was executed; this is its answer.</summary>
    public bool Deduplicated { get; init; }

    /// <summary>
    /// Only with <see cref="Deduplicated"/>: the first answer contained a value that was too long to be stored, so <see cref="Previous"/> and
    /// <see cref="Current"/> are missing here, although an entry may have existed.
    /// </summary>
    public bool ValuesNotKept { get; init; }
}

/// <summary>The answer to a delete.</summary>
public readonly record struct KvDeleteResult<TValue>
{
    /// <summary>False only if the condition did not hold. The delete of an absent key counts as applied.</summary>
    public bool Applied { get; init; }

    /// <summary>The key had a value.</summary>
    public bool Existed { get; init; }

    public long Version { get; init; }

    public KvEntry<TValue>? Previous { get; init; }

    public KvEntry<TValue>? Current { get; init; }

    public bool Deduplicated { get; init; }

    /// <summary>
    /// Only with <see cref="Deduplicated"/>: the first answer contained a value that was too long to be stored, so <see cref="Previous"/> and
    /// <see cref="Current"/> are missing here, although an entry may have existed.
    /// </summary>
    public bool ValuesNotKept { get; init; }
}

/// <summary>The answer to an increment.</summary>
/// <param name="Value">The new number.</param>
/// <param name="Version">The version of the increment. If the condition did not hold: the existing version, or 0 if the key is absent.</param>
/// <param name="ExpiresAt">Null: never.</param>
public readonly record struct KvNumber(long Value, long Version, DateTimeOffset? ExpiresAt)
{
    /// <summary>The condition did not hold, and nothing was added.</summary>
    public bool ConditionFailed { get; init; }
}

/// <summary>The answer to a touch.</summary>
/// <param name="Applied">False if the key is absent or the condition did not hold.</param>
/// <param name="Found">The key has a value.</param>
/// <param name="Version">The version of the key.</param>
/// <param name="ExpiresAt">Null: never.</param>
public readonly record struct KvTouchResult(bool Applied, bool Found, long Version, DateTimeOffset? ExpiresAt);
