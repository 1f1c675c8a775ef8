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

    /// <summary>A directory in the place of either file was taken for a missing file: the replica was opened as a new one.</summary>
    [Theory]
    [InlineData("members")]
    [InlineData("members.sum")]
    public void A_directory_in_the_place_of_a_file_is_refused(string name)
    {
        var directory = Directory.CreateTempSubdirectory("kvraft-members-").FullName;
        var file = Path.Combine(directory, MemberStorage.FileName);
        try
        {
            File.WriteAllBytes(file, new byte[16]);
            File.Delete(Path.Combine(directory, name));
            Directory.CreateDirectory(Path.Combine(directory, name));
            var refused = Assert.Throws<IOException>(() => MemberStorage.IsDamagedAt(file));
            Assert.Contains($"{name}' is a directory and not a file", refused.Message, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
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
