namespace KvRaft.Client;

/// <summary>The answer to a put.</summary>
public readonly record struct KvWriteResult<TValue>
{
    /// <summary>False only if the condition did not hold; then <see cref="Current"/> is what is there instead.</summary>
    public bool Applied { get; init; }

    /// <summary>The version this write made; 0 if it was not applied.</summary>
    public long Version { get; init; }

    /// <summary>What was there before, if asked for.</summary>
    public KvEntry<TValue>? Previous { get; init; }

    /// <summary>Of a condition that did not hold; null: the key is absent.</summary>
    public KvEntry<TValue>? Current { get; init; }

    /// <summary>An earlier attempt had arrived; this is the answer it got.</summary>
    public bool Deduplicated { get; init; }

    /// <summary>
    /// Only with <see cref="Deduplicated"/>: the first answer carried a value that was too long to be remembered, so <see cref="Previous"/> and
    /// <see cref="Current"/> are missing here and do not say that there was none.
    /// </summary>
    public bool ValuesNotKept { get; init; }
}

/// <summary>The answer to a delete.</summary>
public readonly record struct KvDeleteResult<TValue>
{
    /// <summary>False only if the condition did not hold. Deleting what is not there is applied.</summary>
    public bool Applied { get; init; }

    /// <summary>There was a value.</summary>
    public bool Existed { get; init; }

    public long Version { get; init; }

    public KvEntry<TValue>? Previous { get; init; }

    public KvEntry<TValue>? Current { get; init; }

    public bool Deduplicated { get; init; }

    /// <summary>
    /// Only with <see cref="Deduplicated"/>: the first answer carried a value that was too long to be remembered, so <see cref="Previous"/> and
    /// <see cref="Current"/> are missing here and do not say that there was none.
    /// </summary>
    public bool ValuesNotKept { get; init; }
}

/// <summary>The answer to an increment: the new number.</summary>
/// <param name="Version">The version it made; of a condition that did not hold, the version that is there instead, 0 if the key is absent.</param>
public readonly record struct KvNumber(long Value, long Version, DateTimeOffset? ExpiresAt)
{
    /// <summary>The condition did not hold, and nothing was added.</summary>
    public bool ConditionFailed { get; init; }
}

/// <summary>The answer to a touch.</summary>
/// <param name="Applied">False if the key is absent or the condition did not hold.</param>
public readonly record struct KvTouchResult(bool Applied, bool Found, long Version, DateTimeOffset? ExpiresAt);
