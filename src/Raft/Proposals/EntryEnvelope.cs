using System.Buffers.Binary;
using KvRaft.Storage;

namespace KvRaft.Raft.Proposals;

/// <summary>The permanent id of one proposed entry: the opening of the replica that proposed it, and a number.</summary>
internal readonly record struct EntryId(Guid Proposer, long Number);

/// <summary>
/// The bytes of one Raft entry of kind command: several proposals' commands under one unique id.
/// <code>
/// u8 version = 2 | 16 proposer | i64 number | i64 proposed at, ms since the Unix epoch | u8 flags | i32 count | count × (i32 length | bytes)
/// </code>
/// Integers are little-endian. Flag bit 0 declares a clock step (<see cref="CommittedEntry.IsClockStep"/>); the other bits are zero. When an entry is applied, the id identifies its proposal: a log index, or a context
/// beside the log, may belong to another entry after a change of leader.
/// </summary>
internal static class EntryEnvelope
{
    public const byte Version = 2;
    public const int HeaderLength = 1 + 16 + 8 + 8 + 1 + 4;
    private const byte ClockStepFlag = 1;
    public const int CommandOverhead = 4;

    public static byte[] Encode(EntryId id, ProposalTime time, IReadOnlyList<ReadOnlyMemory<byte>> commands)
    {
        var length = HeaderLength;
        for (var i = 0; i < commands.Count; i++)
        {
            length += CommandOverhead + commands[i].Length;
        }

        var bytes = GC.AllocateUninitializedArray<byte>(length);
        var rest = bytes.AsSpan();
        rest[0] = Version;
        id.Proposer.TryWriteBytes(rest[1..]);
        BinaryPrimitives.WriteInt64LittleEndian(rest[17..], id.Number);
        BinaryPrimitives.WriteInt64LittleEndian(rest[25..], time.StampMs);
        rest[33] = time.IsStep ? ClockStepFlag : (byte)0;
        BinaryPrimitives.WriteInt32LittleEndian(rest[34..], commands.Count);
        rest = rest[HeaderLength..];
        for (var i = 0; i < commands.Count; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(rest, commands[i].Length);
            commands[i].Span.CopyTo(rest[CommandOverhead..]);
            rest = rest[(CommandOverhead + commands[i].Length)..];
        }

        return bytes;
    }

    /// <exception cref="InvalidDataException">The bytes are not an envelope of a supported version.</exception>
    public static DecodedEntry Decode(ReadOnlyMemory<byte> bytes)
    {
        var span = bytes.Span;
        if (span.Length < HeaderLength || span[0] != Version)
        {
            throw new InvalidDataException(
                span.IsEmpty ? "An entry envelope is empty." : $"An entry envelope of version {span[0]} and {span.Length} bytes cannot be read; supported is version {Version}.");
        }

        var id = new EntryId(new Guid(span.Slice(1, 16)), BinaryPrimitives.ReadInt64LittleEndian(span[17..]));
        var time = new ProposalTime(BinaryPrimitives.ReadInt64LittleEndian(span[25..]), span[33] == ClockStepFlag);
        var count = BinaryPrimitives.ReadInt32LittleEndian(span[34..]);
        if ((span[33] & ~ClockStepFlag) != 0)
        {
            throw new InvalidDataException($"An entry envelope has the flags {span[33]:x2}; version {Version} supports {ClockStepFlag:x2}.");
        }

        if (count < 0 || count > (span.Length - HeaderLength) / CommandOverhead)
        {
            throw new InvalidDataException($"An entry envelope of {span.Length} bytes declares {count} commands.");
        }

        var commands = new ReadOnlyMemory<byte>[count];
        var offset = HeaderLength;
        for (var i = 0; i < count; i++)
        {
            var length = offset + CommandOverhead <= span.Length ? BinaryPrimitives.ReadInt32LittleEndian(span[offset..]) : -1;
            if (length < 0 || length > span.Length - offset - CommandOverhead)
            {
                throw new InvalidDataException($"Command {i} of an entry envelope does not fit its {span.Length} bytes.");
            }

            commands[i] = bytes.Slice(offset + CommandOverhead, length);
            offset += CommandOverhead + length;
        }

        return offset == span.Length
            ? new DecodedEntry(id, time, commands)
            : throw new InvalidDataException($"An entry envelope has {span.Length - offset} bytes too many.");
    }
}

internal readonly record struct DecodedEntry(EntryId Id, ProposalTime Time, IReadOnlyList<ReadOnlyMemory<byte>> Commands);

/// <summary>The time stamp that a leader gives an entry.</summary>
/// <param name="StampMs">Milliseconds since the Unix epoch.</param>
/// <param name="IsStep">See <see cref="CommittedEntry.IsClockStep"/>.</param>
internal readonly record struct ProposalTime(long StampMs, bool IsStep);
