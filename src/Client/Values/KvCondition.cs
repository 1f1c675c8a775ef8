using System.Security.Cryptography;

namespace KvRaft.Client;

/// <summary>What must hold at a write's place in the log for it to be applied.</summary>
public sealed class KvCondition
{
    /// <summary>Larger expected values are sent as their SHA-256; the limit of the wire format, in bytes.</summary>
    private const int InlineValueBytesMax = 1024;

    private KvCondition(V1.Condition wire) => Wire = wire;

    internal V1.Condition Wire { get; }

    /// <summary>The key has no value.</summary>
    public static KvCondition Absent { get; } = new(new V1.Condition { Absent = true });

    /// <summary>The key has a value.</summary>
    public static KvCondition Present { get; } = new(new V1.Condition { Present = true });

    /// <summary>The key's version is this one; 0 is <see cref="Absent"/>.</summary>
    public static KvCondition VersionIs(long version)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(version);
        return version == 0 ? Absent : new(new V1.Condition { VersionEquals = version });
    }

    /// <summary>The key's value is, byte for byte, this one.</summary>
    public static KvCondition ValueIs(ReadOnlyMemory<byte> value) =>
        new(value.Length <= InlineValueBytesMax
            ? new V1.Condition { ValueEquals = Google.Protobuf.ByteString.CopyFrom(value.Span) }
            : new V1.Condition { ValueSha256Equals = Google.Protobuf.ByteString.CopyFrom(SHA256.HashData(value.Span)) });

    public override string ToString() => Wire.ToString();
}
