namespace KvRaft.Storage.Shards;

/// <summary>What must hold for a key so that a command is applied. The numbers are part of the log-entry format.</summary>
public enum ConditionKind : byte
{
    /// <summary>Nothing: apply always.</summary>
    None = 0,

    /// <summary>The key does not exist, or the shard's clock has passed its expiry.</summary>
    Absent = 1,

    /// <summary>The key exists and has not expired.</summary>
    Present = 2,

    /// <summary>The key exists with exactly this version.</summary>
    VersionEquals = 3,

    /// <summary>The key exists with exactly these bytes.</summary>
    ValueEquals = 4,
}

/// <summary>One precondition on one key, checked at apply, where every replica sees the same state.</summary>
public readonly record struct Condition
{
    private Condition(ConditionKind kind, long version = 0, ReadOnlyMemory<byte> value = default)
    {
        Kind = kind;
        Version = version;
        Value = value;
    }

    public static Condition None => default;

    public static Condition Absent => new(ConditionKind.Absent);

    public static Condition Present => new(ConditionKind.Present);

    public ConditionKind Kind { get; }

    /// <summary>For <see cref="ConditionKind.VersionEquals"/>.</summary>
    public long Version { get; }

    /// <summary>For <see cref="ConditionKind.ValueEquals"/>.</summary>
    public ReadOnlyMemory<byte> Value { get; }

    /// <exception cref="ArgumentOutOfRangeException"><paramref name="version"/> is not positive; for "must not exist" use <see cref="Absent"/>.</exception>
    public static Condition VersionEquals(long version)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(version);
        return new(ConditionKind.VersionEquals, version);
    }

    public static Condition ValueEquals(ReadOnlyMemory<byte> value) => new(ConditionKind.ValueEquals, value: value);

    /// <summary>Whether it holds for a key whose visible value is <paramref name="current"/> (null: absent or expired).</summary>
    public bool HoldsFor(StoredValue? current) => Kind switch
    {
        ConditionKind.None => true,
        ConditionKind.Absent => current is null,
        ConditionKind.Present => current is not null,
        ConditionKind.VersionEquals => current is { } value && value.Version == Version,
        ConditionKind.ValueEquals => current is { } value && value.Value.Span.SequenceEqual(Value.Span),
        _ => throw new InvalidOperationException($"Unknown condition {Kind}."),
    };
}
