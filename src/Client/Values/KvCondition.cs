using System.Security.Cryptography;

namespace KvRaft.Client;

/// <summary>A condition that must hold at the write's position in the log for the write to be applied.</summary>
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

    /// <summary>The version of the key equals the given one; 0 is <see cref="Absent"/>.</summary>
    public static KvCondition VersionIs(long version)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(version);
        return version == 0 ? Absent : new(new V1.Condition { VersionEquals = version });
    }

    /// <summary>The value of the key equals the given one, byte for byte.</summary>
    public static KvCondition ValueIs(ReadOnlyMemory<byte> value) =>
        new(value.Length <= InlineValueBytesMax
            ? new V1.Condition { ValueEquals = Google.Protobuf.ByteString.CopyFrom(value.Span) }
            : new V1.Condition { ValueSha256Equals = Google.Protobuf.ByteString.CopyFrom(SHA256.HashData(value.Span)) });

    public override string ToString() => Wire.ToString();
}
