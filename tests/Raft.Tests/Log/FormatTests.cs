using CsCheck;
using KvRaft.Raft.Log;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Raft.Tests.Log;

/// <summary>The bytes of FORMAT.md. If a test here fails, existing logs can no longer be read.</summary>
public sealed class FormatTests
{
    private static readonly ReplicaKey Key = new(new GroupId(17), 3);

    [Fact]
    public void Checksums_are_those_of_RFC_3720()
    {
        Assert.Equal(0xE3069283u, Crc32C.Of("123456789"u8));
        Assert.Equal(0x8A9136AAu, Crc32C.Of(new byte[32]));
    }

    [Fact]
    public void Writes_a_segment_header_byte_for_byte()
    {
        var bytes = new byte[SegmentHeader.Bytes];
        var header = new SegmentHeader(5, 4096, 0x0123456789abcdef, LogFixture.Identity);
        header.Write(bytes);
        Assert.Equal(
            "4B565241464C4F47" + "01000000" + "0F81272D" + "0500000000000000" + "0010000000000000" + "EFCDAB8967452301"
            + "542A1C6F0B2F3E4D9A610C5D8E7B1A90" + "06" + "6E6F64652D31" + new string('0', 2 * (SegmentHeader.Bytes - 63)),
            Convert.ToHexString(bytes));
        Assert.Equal(SegmentHeaderVerdict.Valid, SegmentHeader.Read(bytes, out var read));
        Assert.Equal(header, read);
    }

    [Fact]
    public void Writes_an_entry_record_byte_for_byte()
    {
        var payload = "hello"u8.ToArray();
        var header = new RecordHeader(RecordKind.Entry, (byte)LogEntryKind.Configuration, true, 9, Key, 2, 41, 7, payload.Length, Crc32C.Of(payload));
        var bytes = new byte[RecordHeader.Bytes];
        header.Write(bytes, 0x0123456789abcdef, 512);
        Assert.Equal(
            "AE85FEBE" + "4CBB719A" + "05000000" + "01030100" + "0900000000000000" + "11000000" + "03000000"
            + "0200000000000000" + "2900000000000000" + "0700000000000000",
            Convert.ToHexString(bytes));
        Assert.Equal(64, header.TotalBytes);
        Assert.True(RecordHeader.TryRead(bytes, 0x0123456789abcdef, 512, out var read));
        Assert.Equal(header, read);
        Assert.False(RecordHeader.TryRead(bytes, 0x0123456789abcdef, 520, out _));
        Assert.False(RecordHeader.TryRead(bytes, 0x0123456789abcdee, 512, out _));
    }

    [Fact]
    public void Writes_a_state_byte_for_byte()
    {
        var state = new GroupState(
            new Ballot(6, new byte[] { 0xAA, 0xBB }), new LogPosition(4, 30), new LogPosition(5, 31), new LogDamage(LogDamageKind.Unproven, 2, 1024));
        var bytes = new byte[state.PayloadBytes];
        state.Write(bytes);
        Assert.Equal(
            "0600000000000000" + "0400000000000000" + "1E00000000000000" + "0200000000000000" + "0004000000000000" + "02" + "02" + "000000000000" + "AABB",
            Convert.ToHexString(bytes));
        Assert.Equal(state, GroupState.Read(new LogPosition(5, 31), bytes));
        Assert.Null(GroupState.Read(new LogPosition(5, 29), bytes));
        Assert.Null(GroupState.Read(new LogPosition(5, 31), bytes.AsSpan(1)));
    }

    [Fact]
    public void Writes_a_durable_mark_byte_for_byte()
    {
        var bytes = new byte[DurableMark.SlotBytes];
        new DurableMark(3, 77).Write(bytes);
        Assert.Equal("4B564D41524B" + "0100" + "0300000000000000" + "4D00000000000000" + "00000000" + "8D37A319", Convert.ToHexString(bytes));
        new DurableMark(3, 77, IsClosed: true).Write(bytes);
        Assert.Equal("4B564D41524B" + "0101", Convert.ToHexString(bytes[..8]));
    }

    [Fact]
    public void Refuses_a_header_with_any_bit_flipped()
    {
        var header = new RecordHeader(RecordKind.Entry, 1, false, 9, Key, 2, 41, 7, 5, 99);
        Gen.Int[0, (RecordHeader.Bytes * 8) - 1].Sample(bit =>
        {
            var bytes = new byte[RecordHeader.Bytes];
            header.Write(bytes, 1, 512);
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            return !RecordHeader.TryRead(bytes, 1, 512, out _);
        });
    }

    [Fact]
    public void Numbers_of_kinds_are_on_disk_and_must_not_change()
    {
        Assert.Equal((1, 2, 3), ((int)LogEntryKind.Command, (int)LogEntryKind.NoOp, (int)LogEntryKind.Configuration));
        Assert.Equal((1, 2, 3), ((int)RecordKind.Entry, (int)RecordKind.State, (int)RecordKind.Drop));
        Assert.Equal(Enumerable.Range(1, 9), Enum.GetValues<StateReason>().Select(reason => (int)reason));
        Assert.Equal(1, (int)StateReason.Opened);
        Assert.Equal(Enumerable.Range(1, 5), Enum.GetValues<LogDamageKind>().Select(kind => (int)kind));
    }

    [Fact]
    public void A_deque_behaves_as_a_list() =>
        Gen.Select(Gen.Int[0, 5], Gen.Int[0, 20]).Array[0, 200].Sample(steps =>
        {
            var deque = new RingDeque<int>();
            var list = new List<int>();
            var next = 0;
            foreach (var (action, amount) in steps)
            {
                var count = Math.Min(amount, list.Count);
                switch (action)
                {
                    case 0:
                        deque.RemoveFirst(count);
                        list.RemoveRange(0, count);
                        break;
                    case 1:
                        deque.RemoveLast(count);
                        list.RemoveRange(list.Count - count, count);
                        break;
                    case 2 when amount == 0:
                        deque.Clear();
                        list.Clear();
                        break;
                    default:
                        for (var i = 0; i < amount; i++)
                        {
                            deque.AddLast(next);
                            list.Add(next++);
                        }

                        break;
                }

                Assert.Equal(list, Enumerable.Range(0, deque.Count).Select(i => deque[i]));
            }
        });
}
