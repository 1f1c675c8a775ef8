using System.Security.Cryptography;

namespace KvRaft.Storage.Commands;

/// <summary>The condition on a key for a command to be applied. The numbers are part of the log-entry format.</summary>
public enum ConditionKind : byte
{
    /// <summary>No condition: apply always.</summary>
    None = 0,

    /// <summary>The key does not exist, or the shard's clock has passed its expiry.</summary>
    Absent = 1,

    /// <summary>The key exists and has not expired.</summary>
    Present = 2,

    /// <summary>The key exists with exactly this version.</summary>
    VersionEquals = 3,

    /// <summary>The key exists with exactly these bytes.</summary>
    ValueEquals = 4,

    /// <summary>The key exists, and the SHA-256 of its bytes is this one: for values too long to repeat in the log.</summary>
    ValueSha256Equals = 5,
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

    /// <summary>The length of a SHA-256, in bytes.</summary>
    public const int Sha256Bytes = SHA256.HashSizeInBytes;

    public static Condition None => default;

    public static Condition Absent => new(ConditionKind.Absent);

    public static Condition Present => new(ConditionKind.Present);

    public ConditionKind Kind { get; }

    /// <summary>For <see cref="ConditionKind.VersionEquals"/>.</summary>
    public long Version { get; }

    /// <summary>For <see cref="ConditionKind.ValueEquals"/> the value, for <see cref="ConditionKind.ValueSha256Equals"/> its hash.</summary>
    public ReadOnlyMemory<byte> Value { get; }

    /// <exception cref="ArgumentOutOfRangeException"><paramref name="version"/> is not positive; for "must not exist" use <see cref="Absent"/>.</exception>
    public static Condition VersionEquals(long version)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(version);
        return new(ConditionKind.VersionEquals, version);
    }

    public static Condition ValueEquals(ReadOnlyMemory<byte> value) => new(ConditionKind.ValueEquals, value: value);

    /// <exception cref="ArgumentException"><paramref name="hash"/> does not have <see cref="Sha256Bytes"/> bytes.</exception>
    public static Condition ValueSha256Equals(ReadOnlyMemory<byte> hash) => hash.Length == Sha256Bytes
        ? new(ConditionKind.ValueSha256Equals, value: hash)
        : throw new ArgumentException($"A SHA-256 has {Sha256Bytes} bytes, not {hash.Length}.", nameof(hash));

    /// <summary>Whether it holds for a key whose visible value is <paramref name="current"/> (null: absent or expired).</summary>
    public bool HoldsFor(StoredValue? current) => Kind switch
    {
        ConditionKind.None => true,
        ConditionKind.Absent => current is null,
        ConditionKind.Present => current is not null,
        ConditionKind.VersionEquals => current is { } value && value.Version == Version,
        ConditionKind.ValueEquals => current is { } value && value.Value.Span.SequenceEqual(Value.Span),
        ConditionKind.ValueSha256Equals => current is { } value && HashEquals(value.Value.Span),
        _ => throw new InvalidOperationException($"Unknown condition {Kind}."),
    };

    private bool HashEquals(ReadOnlySpan<byte> value)
    {
        Span<byte> hash = stackalloc byte[Sha256Bytes];
        SHA256.HashData(value, hash);
        return hash.SequenceEqual(Value.Span);
    }
}
