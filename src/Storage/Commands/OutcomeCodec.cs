namespace KvRaft.Storage.Commands;

/// <summary>
/// The bytes of a remembered outcome. Snapshots carry them to other software versions.
/// <code>
///  format:1 = 1   status:1   reason:1   flags:1 (bit 0 succeeded, bit 1 value forgotten, bit 2 expires)
///  version:varint previousVersion:varint counter:zigzag affected:varint
///  previous:value   resumeKey: 0 | 1 bytes   n:varint n × (previousVersion:varint counter:zigzag value)
///  expireAtMs:varint only with flag bit 2
///  value = 0 | 1 version:varint expireAtMs:varint bytes
/// </code>
/// </summary>
internal static class OutcomeCodec
{
    private const byte Format = 1;
    private const byte SucceededFlag = 1;
    private const byte ForgottenFlag = 2;
    private const byte ExpiresFlag = 4;

    /// <summary>Encodes the part to remember: values beyond <see cref="ShardLimits.RememberedValueBytesMax"/> are left out.</summary>
    public static byte[] EncodeForMemory(ShardOutcome outcome)
    {
        var forget = outcome.ValueForgotten || ValueBytes(outcome) > ShardLimits.RememberedValueBytesMax;
        var writer = new ByteWriter(32);
        writer.Byte(Format);
        writer.Byte((byte)outcome.Status);
        writer.Byte((byte)outcome.Reason);
        writer.Byte((byte)((outcome.Succeeded ? SucceededFlag : 0) | (forget ? ForgottenFlag : 0) | (outcome.ExpireAtMs != 0 ? ExpiresFlag : 0)));
        writer.VarUInt((ulong)outcome.Version);
        writer.VarUInt((ulong)outcome.PreviousVersion);
        writer.VarSigned(outcome.Counter);
        writer.VarUInt((ulong)outcome.Affected);
        WriteValue(writer, forget ? null : outcome.Previous);
        writer.Byte(outcome.ResumeKey is null ? (byte)0 : (byte)1);
        if (outcome.ResumeKey is { } resume)
        {
            writer.Bytes(resume.Span);
        }

        writer.VarUInt((ulong)outcome.Results.Count);
        foreach (var result in outcome.Results)
        {
            writer.VarUInt((ulong)result.PreviousVersion);
            writer.VarSigned(result.Counter);
            WriteValue(writer, forget ? null : result.Value);
        }

        if (outcome.ExpireAtMs != 0)
        {
            writer.VarUInt((ulong)outcome.ExpireAtMs);
        }

        return writer.ToArray();
    }

    /// <summary>Decodes a remembered outcome, marked as a repeat.</summary>
    /// <exception cref="StorageCorruptionException">The bytes are damaged or of another format.</exception>
    public static ShardOutcome DecodeRemembered(ReadOnlyMemory<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        var format = reader.Byte();
        var status = (ShardStatus)reader.Byte();
        var reason = (RefusalReason)reader.Byte();
        var flags = reader.Byte();
        var outcome = new ShardOutcome
        {
            Status = status,
            Reason = reason,
            Succeeded = (flags & SucceededFlag) != 0,
            ValueForgotten = (flags & ForgottenFlag) != 0,
            Deduplicated = true,
            Version = (long)reader.VarUInt(),
            PreviousVersion = (long)reader.VarUInt(),
            Counter = reader.VarSigned(),
            Affected = (long)reader.VarUInt(),
            Previous = ReadValue(ref reader),
            ResumeKey = reader.Byte() == 1 ? reader.Bytes(ShardLimits.KeyBytesMax) : default(ReadOnlyMemory<byte>?),
            Results = ReadResults(ref reader),
            ExpireAtMs = (flags & ExpiresFlag) != 0 ? (long)reader.VarUInt() : 0,
        };
        return format == Format && reader.AtEnd ? outcome : throw new StorageCorruptionException("A remembered outcome is damaged.");
    }

    private static long ValueBytes(ShardOutcome outcome)
    {
        long bytes = outcome.Previous?.Value.Length ?? 0;
        foreach (var result in outcome.Results)
        {
            bytes += result.Value?.Value.Length ?? 0;
        }

        return bytes;
    }

    private static void WriteValue(ByteWriter writer, StoredValue? value)
    {
        writer.Byte(value is null ? (byte)0 : (byte)1);
        if (value is { } stored)
        {
            writer.VarUInt((ulong)stored.Version);
            writer.VarUInt((ulong)stored.ExpireAtMs);
            writer.Bytes(stored.Value.Span);
        }
    }

    private static StoredValue? ReadValue(ref ByteReader reader)
    {
        if (reader.Byte() == 0)
        {
            return null;
        }

        var version = (long)reader.VarUInt();
        var expireAtMs = (long)reader.VarUInt();
        return new(reader.Bytes(ShardLimits.RememberedValueBytesMax), version, expireAtMs);
    }

    private static TxnResult[] ReadResults(ref ByteReader reader)
    {
        var count = reader.VarInt(ShardLimits.TxnOperationsMax);
        var results = count == 0 ? [] : new TxnResult[count];
        for (var i = 0; i < count; i++)
        {
            var previousVersion = (long)reader.VarUInt();
            var counter = reader.VarSigned();
            results[i] = new(previousVersion, ReadValue(ref reader), counter);
        }

        return results;
    }
}
