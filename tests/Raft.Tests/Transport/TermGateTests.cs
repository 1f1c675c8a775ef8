using System.Buffers.Binary;
using CsCheck;
using KvRaft.Raft.Transport;

namespace KvRaft.Raft.Tests.Transport;

public sealed class TermGateTests
{
    [Theory]
    [InlineData(0, 0, true)]
    [InlineData(5, 4, true)]
    [InlineData(5, 9, true)]
    [InlineData(TermGate.JumpMax, 0, true)]
    [InlineData(TermGate.JumpMax + 1, 0, false)]
    [InlineData(-1, 0, false)]
    [InlineData(long.MaxValue, 0, false)]
    [InlineData(long.MinValue, 0, false)]
    [InlineData(long.MaxValue, TermGate.TermMax, false)]
    [InlineData(TermGate.TermMax, TermGate.TermMax, true)]
    public void A_term_is_accepted_up_to_a_step_above_the_highest_known(long term, long known, bool isAdmitted) =>
        Assert.Equal(isAdmitted, TermGate.IsAdmitted(term, known));

    [Fact]
    public void Accepted_terms_leave_enough_terms_for_all_later_elections() => Gen.Select(Gen.Long, Gen.Long[0, TermGate.TermMax]).Sample((term, known) =>
        !TermGate.IsAdmitted(term, known) || (term >= 0 && term <= TermGate.TermMax && term <= known + TermGate.JumpMax));

    [Fact]
    public void The_answer_of_a_replica_raises_the_highest_known_term()
    {
        var gate = Wires.Terms(own: 3);
        const long Far = 5 * TermGate.JumpMax;
        Assert.False(gate.Admits(Far));
        gate.Confirm(Far - 1);
        Assert.True(gate.Admits(Far));

        // Not to a term above which no election is possible.
        gate.Confirm(long.MaxValue);
        Assert.False(gate.Admits(long.MaxValue));
    }

    [Fact]
    public void The_heads_of_messages_are_checked_and_no_bytes_break_the_check()
    {
        var gate = Wires.Terms(own: 7);
        Assert.Null(RaftMessageHead.OfRequest(ForgedMessages.AppendEntries(8), gate, out var needed));
        Assert.Equal(69, needed);
        Assert.Null(RaftMessageHead.OfRequest(ForgedMessages.Vote(8, lastTerm: 8), gate, out needed));
        Assert.Equal(57, needed);
        Assert.Equal(new RaftMessageMistake("append entries", long.MaxValue), RaftMessageHead.OfRequest(ForgedMessages.AppendEntries(long.MaxValue), gate, out _));
        Assert.Equal(new RaftMessageMistake("vote", long.MaxValue), RaftMessageHead.OfRequest(ForgedMessages.Vote(long.MaxValue), gate, out _));
        Assert.Equal(new RaftMessageMistake("pre-vote", long.MaxValue), RaftMessageHead.OfRequest(ForgedMessages.Vote(long.MaxValue, isPreVote: true), gate, out _));
        Assert.NotNull(RaftMessageHead.OfRequest(ForgedMessages.Vote(8, lastTerm: 9), gate, out _));
        Assert.NotNull(RaftMessageHead.OfRequest(ForgedMessages.AppendEntries(8, entries: int.MaxValue), gate, out _));
        Assert.NotNull(RaftMessageHead.OfRequest(ForgedMessages.AppendEntries(8, previousIndex: -1), gate, out _));
        foreach (var kind in new byte[] { 0, 2, 3, 5, 6, 8, 9, 255 })
        {
            Assert.NotNull(RaftMessageHead.OfRequest([kind], gate, out _));
        }

        Span<byte> answer = stackalloc byte[9];
        BinaryPrimitives.WriteInt64LittleEndian(answer, long.MaxValue);
        Assert.NotNull(RaftMessageHead.OfAnswer(answer, gate, out _));
        BinaryPrimitives.WriteInt64LittleEndian(answer, 9);
        Assert.Null(RaftMessageHead.OfAnswer(answer, gate, out _));
        Gen.Byte.Array[0, RaftMessageHead.LengthMax].Sample(bytes =>
        {
            _ = RaftMessageHead.OfRequest(bytes, gate, out var more);
            return more is > 0 and <= RaftMessageHead.LengthMax;
        });
    }
}

/// <summary>Messages of DotNext's protocol, written byte by byte.</summary>
internal static class ForgedMessages
{
    private const int Sender = 28;

    public static byte[] Vote(long term, long lastIndex = 1, long lastTerm = 1, bool isPreVote = false)
    {
        var bytes = new byte[1 + Sender + 28];
        bytes[0] = isPreVote ? (byte)7 : (byte)1;
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(1 + Sender), term);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(9 + Sender), lastIndex);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(17 + Sender), lastTerm);
        return bytes;
    }

    public static byte[] AppendEntries(long term, long previousIndex = 0, long previousTerm = 0, int entries = 0)
    {
        var bytes = new byte[1 + Sender + 40];
        bytes[0] = 4;
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(1 + Sender), term);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(9 + Sender), previousIndex);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(17 + Sender), previousTerm);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(33 + Sender), entries);
        return bytes;
    }

    /// <summary>The head of an entry, as it follows that of a request.</summary>
    public static byte[] Entry(long term, long claimedLength)
    {
        var bytes = new byte[21];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, term);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(13), claimedLength);
        return bytes;
    }
}
