using CsCheck;
using KvRaft.Raft.Membership;

namespace KvRaft.Raft.Tests.Membership;

public sealed class MemberChecksumsTests
{
    [Fact]
    public void The_bytes_of_one_and_of_two_checksums_do_not_change()
    {
        Assert.Equal("4B564D53554D0101040302017875BC73", Convert.ToHexString(new MemberChecksums(0x01020304, 0x01020304).Format()));
        Assert.Equal("4B564D53554D01020403020108070605", Convert.ToHexString(new MemberChecksums(0x01020304, 0x05060708).Format())[..32]);
    }

    [Fact]
    public void Both_contents_are_accepted_while_one_replaces_the_other()
    {
        var sums = MemberChecksums.Of([1, 2, 3], [4, 5, 6]);
        Assert.True(sums.Accepts([1, 2, 3]));
        Assert.True(sums.Accepts([4, 5, 6]));
        Assert.False(sums.Accepts([1, 2, 6]));
        Assert.False(sums.Accepts([]));
    }

    [Fact]
    public void What_was_written_is_read_and_no_flipped_bit_is() => Gen.Select(Gen.UInt, Gen.UInt, Gen.Int[0, 159]).Sample((present, next, bit) =>
    {
        var sums = new MemberChecksums(present, next);
        var bytes = sums.Format();
        Assert.Equal(sums, MemberChecksums.Parse(bytes));
        bytes[bit / 8 % bytes.Length] ^= (byte)(1 << (bit % 8));
        Assert.Null(MemberChecksums.Parse(bytes));
        Assert.Null(MemberChecksums.Parse(bytes.AsSpan(1)));
        Assert.Null(MemberChecksums.Parse(bytes.AsSpan(0, bytes.Length - 1)));
    });
}
