using CsCheck;
using Google.Protobuf;
using KvRaft.Node.Ranges;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Ranges;

/// <summary>A token holds a position in one walk, and no request reads or deletes outside its own range because of one.</summary>
public sealed class ResumeTokenTests
{
    private static readonly Gen<byte[]> Keys = Gen.Byte[97, 100].Array[0, 3];

    private static readonly Gen<KeyRange> Ranges = Gen.Select(Keys, Keys, Keys)
        .Select(static (prefix, start, end) => KeyRange.Of(Bytes(prefix), Bytes(start), end.AsSpan().SequenceCompareTo(start) < 0 ? ByteString.Empty : Bytes(end)));

    [Fact]
    public void The_bytes_of_a_token_are_those_of_its_version()
    {
        var range = new KeyRange("a/"u8.ToArray(), "a0"u8.ToArray());
        var token = new ResumeToken(WalkId.Of(WalkKind.DeleteRange, new ShardId(2), range), new KeyspaceId(7), 16, new ShardId(2), "a/1"u8.ToArray()) { Reverse = true };

        Assert.Equal("0405000000070000001000000002" + "442B9EAF370A349165B1349DA148699D" + "288E4ECCD8F2E8C6" + "612F31", Convert.ToHexString(token.Write().Span));
    }

    [Fact]
    public void A_token_of_another_walk_is_refused_whatever_differs()
    {
        var range = new KeyRange("a/"u8.ToArray(), "a0"u8.ToArray());
        var start = new ResumeToken(WalkId.Of(WalkKind.Scan, null, range), new KeyspaceId(7), 16, new ShardId(0), null);
        var token = start with { Shard = new ShardId(3), Key = "a/1"u8.ToArray() };

        Assert.Equal(token.Shard, Resume(token, start, range).Place!.Value.Shard);
        foreach (var other in new[]
        {
            start with { Walk = WalkId.Of(WalkKind.DeleteRange, null, range) },
            start with { Walk = WalkId.Of(WalkKind.Scan, new ShardId(3), range) },
            start with { Walk = WalkId.Of(WalkKind.Scan, null, range with { To = default }) },
            start with { Walk = WalkId.Of(WalkKind.Scan, null, range with { From = default }) },
            start with { Keyspace = new KeyspaceId(8) },
            start with { ShardCount = 32 },
            start with { Reverse = true },
            start with { Ordered = true },
        })
        {
            Assert.Equal((ErrorReasons.CursorInvalid, Execution.NotExecuted), Refusal(token, other, range));
        }

        Assert.Equal((ErrorReasons.CursorInvalid, Execution.NotExecuted), Refusal(token with { Key = "b"u8.ToArray() }, start, range));
        Assert.Equal((ErrorReasons.CursorInvalid, Execution.NotExecuted), Refusal(token with { Key = "a."u8.ToArray() }, start, range));
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("0200000000070000001000000002", "version 2, and this node reads version 4")]
    [InlineData("0300000000070000001000000002442B9EAF370A349165B1349DA148699D", "version 3, and this node reads version 4")]
    [InlineData("04", "malformed")]
    [InlineData("040000000007000000100000001000000000000000000000000000000000", "malformed")]
    [InlineData("04080000000700000010000000020000000000000000000000000000000061", "malformed")]
    [InlineData("040400000007000000100000000200000000000000000000000000000000", "malformed")]
    [InlineData("040200000007000000100000000000000000000000000000000000000000", "malformed")]
    [InlineData("0400FFFFFFFF80000000FFFFFFFF00000000000000000000000000000000", "malformed")]
    public void Bytes_that_are_not_a_token_of_this_version_are_refused_with_the_cause(string bytes, string mistake)
    {
        var (token, why) = ResumeToken.Read(ByteString.CopyFrom(WithChecksum(Convert.FromHexString(bytes))));

        Assert.Null(token);
        Assert.Contains(mistake, why, StringComparison.Ordinal);
    }

    /// <summary>A changed position in the range was accepted, and the walk skipped keys without notice.</summary>
    [Fact]
    public void A_token_with_any_bit_changed_is_refused()
    {
        var range = new KeyRange("a/"u8.ToArray(), "a0"u8.ToArray());
        var start = new ResumeToken(WalkId.Of(WalkKind.Scan, null, range), new KeyspaceId(7), 16, new ShardId(0), null);
        var token = (start with { Shard = new ShardId(3), Key = "a/1"u8.ToArray() }).Write().ToByteArray();
        for (var bit = 0; bit < token.Length * 8; bit++)
        {
            var changed = token.ToArray();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            var (place, failure) = ResumeToken.Resume(ByteString.CopyFrom(changed), start, range, new ShardId(0), new ShardId(15));
            Assert.Null(place);
            Assert.Equal((ErrorReasons.CursorInvalid, Execution.NotExecuted), (failure!.Reason, failure.Execution));
        }
    }

    /// <summary>A token of this version with the checksum that belongs between its header and its key.</summary>
    private static byte[] WithChecksum(byte[] token)
    {
        const int Header = 30;
        return token.Length < Header || token[0] != 4
            ? token
            : [.. token[..Header], .. System.Security.Cryptography.SHA256.HashData(token)[..8], .. token[Header..]];
    }

    /// <summary>Also if the check before it let a wrong position pass.</summary>
    [Fact]
    public void The_rest_of_a_range_is_a_part_of_it_at_any_position() =>
        Gen.Select(Ranges, Keys.Where(static key => key.Length > 0), Keys, Gen.Bool).Sample((range, position, probe, reverse) =>
        {
            var place = new ResumeToken(default, new KeyspaceId(1), 1, new ShardId(0), position) { Reverse = reverse };
            var rest = place.Rest(range);
            Assert.True(!Holds(rest, probe) || Holds(range, probe));
            Assert.Equal(
                Holds(range, probe) && (reverse ? probe.AsSpan().SequenceCompareTo(position) < 0 : probe.AsSpan().SequenceCompareTo(position) >= 0),
                Holds(rest, probe));
        });

    [Fact]
    public void A_range_of_prefix_and_bounds_holds_the_keys_that_meet_all_of_them() =>
        Gen.Select(Keys, Keys, Keys, Keys).Sample((prefix, start, end, probe) =>
        {
            var isInside = probe.AsSpan().StartsWith(prefix) && probe.AsSpan().SequenceCompareTo(start) >= 0 && (end.Length == 0 || probe.AsSpan().SequenceCompareTo(end) < 0);
            if (end.Length == 0 || end.AsSpan().SequenceCompareTo(start) >= 0)
            {
                Assert.Equal(isInside, Holds(KeyRange.Of(Bytes(prefix), Bytes(start), Bytes(end)), probe));
            }
        });

    [Fact]
    public void Any_bytes_are_read_or_refused() =>
        Gen.Byte.Array[0, 60].Select(static bytes => WithChecksum(bytes is [_, .. var rest] && bytes.Length > 30 ? [4, (byte)(rest[0] & 7), .. rest[1..]] : bytes)).Sample(bytes =>
        {
            var (token, mistake) = ResumeToken.Read(ByteString.CopyFrom(bytes));
            Assert.True((token is null) != (mistake is null));
            Assert.True(token is null || token.Value.Write().Span.SequenceEqual(bytes));
        });

    private static bool Holds(KeyRange range, byte[] key) =>
        range.From.Span.SequenceCompareTo(key) <= 0 && (range.To.IsEmpty || key.AsSpan().SequenceCompareTo(range.To.Span) < 0);

    private static (string, Execution) Refusal(ResumeToken token, ResumeToken start, KeyRange range)
    {
        var (place, failure) = Resume(token, start, range);
        Assert.Null(place);
        return (failure!.Reason, failure.Execution);
    }

    private static (ResumeToken? Place, Node.Requests.Failure? Failure) Resume(ResumeToken token, ResumeToken start, KeyRange range)
    {
        var (place, failure) = ResumeToken.Resume(token.Write(), start, range, new ShardId(0), new ShardId(15));
        return (place, failure);
    }

    private static ByteString Bytes(byte[] key) => ByteString.CopyFrom(key);
}
