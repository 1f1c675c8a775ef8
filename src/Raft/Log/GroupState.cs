using System.Buffers.Binary;
using KvRaft.Storage;

namespace KvRaft.Raft.Log;

/// <summary>
/// The state of a group's log without its entries, as stored in one record. Each change other than an append is written as a complete
/// new state: a ballot, a truncation, a move of the start and a restatement then replay by one rule, and every such record replaces
/// all that an unreadable earlier one contained.
/// </summary>
/// <param name="Ballot">Term and vote.</param>
/// <param name="Start">The entry before the first one kept; its term is stored because Raft requires it.</param>
/// <param name="Last">The last entry; equal to <paramref name="Start"/> if the log is empty.</param>
/// <param name="Damage">Null: no damage.</param>
internal sealed record GroupState(Ballot Ballot, LogPosition Start, LogPosition Last, LogDamage? Damage)
{
    private const int FixedBytes = 48;

    public bool IsEmpty => Last.Index == Start.Index;

    public int PayloadBytes => FixedBytes + Ballot.VotedFor.Length;

    /// <summary>Writes the payload; <see cref="Last"/> is stored in the record's header.</summary>
    public void Write(Span<byte> target)
    {
        BinaryPrimitives.WriteInt64LittleEndian(target, Ballot.Term);
        BinaryPrimitives.WriteInt64LittleEndian(target[8..], Start.Term);
        BinaryPrimitives.WriteInt64LittleEndian(target[16..], Start.Index);
        BinaryPrimitives.WriteInt64LittleEndian(target[24..], Damage?.Segment ?? 0);
        BinaryPrimitives.WriteInt64LittleEndian(target[32..], Damage?.Offset ?? 0);
        target[40] = (byte)(Damage?.Kind ?? 0);
        target[41] = (byte)Ballot.VotedFor.Length;
        target[42..FixedBytes].Clear();
        Ballot.VotedFor.Span.CopyTo(target[FixedBytes..]);
    }

    /// <summary>The state in a record with valid checksums, or null if its content is invalid nevertheless.</summary>
    public static GroupState? Read(LogPosition last, ReadOnlySpan<byte> payload)
    {
        if (payload.Length < FixedBytes || payload.Length != FixedBytes + payload[41] || payload[41] > Ballot.VotedForBytesMax)
        {
            return null;
        }

        var kind = (LogDamageKind)payload[40];
        var state = new GroupState(
            new Ballot(BinaryPrimitives.ReadInt64LittleEndian(payload), payload[FixedBytes..].ToArray()),
            new LogPosition(BinaryPrimitives.ReadInt64LittleEndian(payload[8..]), BinaryPrimitives.ReadInt64LittleEndian(payload[16..])),
            last,
            kind == 0
                ? null
                : new LogDamage(kind, BinaryPrimitives.ReadInt64LittleEndian(payload[24..]), BinaryPrimitives.ReadInt64LittleEndian(payload[32..])));
        return state.Start.Index < 0 || state.Last.Index < state.Start.Index ? null : state;
    }
}
