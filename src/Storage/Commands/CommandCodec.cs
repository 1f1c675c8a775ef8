using System.Buffers.Binary;
using System.IO.Hashing;

namespace KvRaft.Storage.Commands;

/// <summary>
/// The bytes of a command in the log. They outlive the process and the software version that wrote them.
/// <code>
///  version:1   = 5
///  kind:1      CommandKind.Number
///  flags:1     bit 0: a stamp follows, bit 1: the answer is limited below ShardLimits.AnswerBytesMax; the other bits are zero
///  stamp       client:16 (big-endian) sequence:varint firstUnacked:varint after:varint   only with flag bit 0
///  answer      answerBytesMax:varint                                              only with flag bit 1
///  expiries    count:varint then count × expiry     one for each Put, Touch and Increment of the body, in its order
///  body        by kind, below; to the end
///
///  key         keyspace:varint bytes        bytes = length:varint content
///  expiry      kind:1 (0 never, 1 at, 2 after, 3 after, by default of the keyspace), then, unless never, ms:varint: the instant or the time-to-live
///  condition   kind:1, then version:varint, value:bytes or hash:32 if the kind has one
///  Put         options:1 key value:bytes condition        options bit 1: return previous, bit 2: return current
///  Delete      options:1 key condition
///  Touch       options:1 key condition
///  Increment   options:1 key delta:zigzag initial:zigzag min:i64 max:i64 condition
///  Txn         n:varint n×(key condition) n:varint n×operation n:varint n×operation
///  operation   type:1 (1 get, 2 put, 3 delete, 4 increment) options:1 key, then the fields of the like-named command; no condition
///  DeleteRange keyspace:varint from:bytes to:bytes keysMax:varint
///  DeleteWholeRange as DeleteRange
///  DropKeyspace keyspace:varint
///  Tick        rowsMax:varint
/// </code>
/// Stamp, answer limit and expiries precede the body because they may differ between two attempts of one request: a retry acknowledges more
/// answers, another node has other options, and the default time-to-live of the keyspace may have been set, changed or removed in between. Therefore
/// <see cref="DecodedCommand.BodyHash"/>, which detects a reused request id, covers only what the client sent: kind, body, and the expiries that it named.
/// An expiry by default counts like none.
/// <para>Formats 1 and 2 carried instants that the leader had computed by its own wall clock, format 3 had no limit for answers, and the body of format 4
/// had a bit for an expiry, whether the client or the keyspace had asked for it. This version does not read them.</para>
/// <para>Every command has exactly one encoding: variable integers are shortest, unknown bits are refused.</para>
/// </summary>
public static class CommandCodec
{
    /// <summary>The format that this version writes and reads. A log with another number was written by another version of the software.</summary>
    public const byte FormatVersion = 5;

    private const byte StampFlag = 1;
    private const byte AnswerFlag = 2;
    private const int StampedHeaderBytes = 64;

    /// <exception cref="ArgumentException">The command breaks a limit of <see cref="ShardLimits"/>.</exception>
    public static byte[] Encode(ShardCommand command)
    {
        ArgumentNullException.ThrowIfNull(command);
        var body = new ByteWriter(StampedHeaderBytes);
        var expiries = new List<Expiry>(1);
        command.WriteBody(new CommandWriter(body, expiries));
        var stamp = command.Stamp;
        var writer = new ByteWriter(body.Length + StampedHeaderBytes);
        writer.Byte(FormatVersion);
        writer.Byte(command.Kind.Number);
        ArgumentOutOfRangeException.ThrowIfNegative(command.AnswerBytesMax);
        var limitsAnswer = command.AnswerBytesMax < ShardLimits.AnswerBytesMax;
        writer.Byte((byte)((stamp.IsNone ? 0 : StampFlag) | (limitsAnswer ? AnswerFlag : 0)));
        if (!stamp.IsNone)
        {
            writer.UInt128(stamp.Client.Value);
            writer.VarUInt(stamp.Sequence);
            writer.VarUInt(stamp.FirstUnacked);
            writer.VarUInt((ulong)stamp.After);
        }

        if (limitsAnswer)
        {
            writer.VarUInt((ulong)command.AnswerBytesMax);
        }

        writer.VarUInt((ulong)expiries.Count);
        foreach (var expiry in expiries)
        {
            writer.Byte((byte)expiry.Kind);
            if (expiry != Expiry.Never)
            {
                writer.VarUInt((ulong)expiry.Milliseconds);
            }
        }

        writer.Raw(body.Written);
        return writer.ToArray();
    }

    /// <summary>Decodes a command. Its keys and values are slices of <paramref name="bytes"/>.</summary>
    /// <exception cref="CommandFormatException">The bytes are not a command of this format.</exception>
    /// <exception cref="UnsupportedCommandException">Another version of the software wrote them.</exception>
    public static DecodedCommand Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        var version = reader.Byte();
        var number = reader.Byte();
        if (reader.Failed)
        {
            throw new CommandFormatException($"A command of {bytes.Length} bytes has no header.");
        }

        if (version != FormatVersion || CommandKinds.Of(number) is not { } kind)
        {
            throw new UnsupportedCommandException($"Command kind {number} of format {version}; this version reads format {FormatVersion}.");
        }

        var flags = reader.Byte();
        if ((flags & ~(StampFlag | AnswerFlag)) != 0)
        {
            reader.Fail();
        }

        var stamp = (flags & StampFlag) != 0 ? ReadStamp(ref reader) : RequestStamp.None;
        var answerBytesMax = (flags & AnswerFlag) != 0 ? ReadAnswerLimit(ref reader) : ShardLimits.AnswerBytesMax;
        var expiries = ReadExpiries(ref reader);
        var bodyStart = reader.Offset;
        var body = new CommandReader(reader, expiries);
        var command = reader.Failed ? null : kind.ReadBody(ref body);
        if (command is null || !body.AtEnd)
        {
            throw new CommandFormatException($"A {kind} command of {bytes.Length} bytes has a wrong length.");
        }

        return new(command with { Stamp = stamp, AnswerBytesMax = answerBytesMax }, HashBody(number, bytes.Span[bodyStart..], expiries));
    }

    private static RequestStamp ReadStamp(ref ByteReader reader)
    {
        var stamp = new RequestStamp(new(reader.UInt128()), reader.VarUInt(), reader.VarUInt(), (long)reader.VarUInt());
        if (stamp.IsNone || stamp.After < 0)
        {
            reader.Fail();
        }

        return stamp;
    }

    private static int ReadAnswerLimit(ref ByteReader reader)
    {
        var limit = reader.VarUInt();
        return limit < ShardLimits.AnswerBytesMax ? (int)limit : (int)reader.Fail();
    }

    private static Expiry[] ReadExpiries(ref ByteReader reader)
    {
        var count = reader.VarInt(ShardLimits.TxnOperationsMax);
        Expiry[] expiries = count == 0 ? [] : new Expiry[count];
        for (var i = 0; i < count && !reader.Failed; i++)
        {
            var kind = (ExpiryKind)reader.Byte();
            if (kind == ExpiryKind.Never)
            {
                continue;
            }

            if (Expiry.TryCreate(kind, reader.VarUInt()) is { } expiry)
            {
                expiries[i] = expiry;
            }
            else
            {
                reader.Fail();
            }
        }

        return expiries;
    }

    private static ulong HashBody(byte kind, ReadOnlySpan<byte> body, Expiry[] expiries)
    {
        var hash = XxHash3.HashToUInt64(body, kind);
        Span<byte> named = stackalloc byte[1 + 1 + sizeof(long)];
        for (var i = 0; i < expiries.Length; i++)
        {
            if (expiries[i] is { IsNamed: true } expiry)
            {
                (named[0], named[1]) = ((byte)i, (byte)expiry.Kind);
                BinaryPrimitives.WriteInt64LittleEndian(named[2..], expiry.Milliseconds);
                hash = XxHash3.HashToUInt64(named, (long)hash);
            }
        }

        return hash;
    }
}

/// <summary>A command from the log.</summary>
/// <param name="Command">The command.</param>
/// <param name="BodyHash">Hash of what the client sent, without the stamp: equal for two attempts of one request.</param>
public readonly record struct DecodedCommand(ShardCommand Command, ulong BodyHash);
