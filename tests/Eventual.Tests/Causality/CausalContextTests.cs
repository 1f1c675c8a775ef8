using CsCheck;
using KvRaft.Eventual.Causality;
using KvRaft.Topology;

namespace KvRaft.Eventual.Tests.Causality;

public class CausalContextTests
{
    private static readonly ContextKey First = new(1, [.. Enumerable.Range(0, ContextKey.SecretBytes).Select(static i => (byte)i)]);
    private static readonly ContextKey Second = new(2, [.. Enumerable.Repeat((byte)7, ContextKey.SecretBytes)]);
    private static readonly CausalContext Here = new([First], new Guid("7c41e200-0000-4000-8000-000000000001"), new KeyspaceId(7), "cart"u8.ToArray());
    private static readonly VersionVector Seen = Some.Vector((1, 3), (2, 1));

    [Fact]
    public void Is_decoded_as_it_was_encoded()
    {
        Assert.Equal((Seen, null), Here.Decode(Here.Encode(Seen)));
        Assert.Empty(Here.Encode(VersionVector.Empty));
        Assert.Equal((VersionVector.Empty, null), Here.Decode(default));
    }

    // Another implementation of HMAC-SHA256 computed the MAC.
    [Fact]
    public void Golden_bytes() => Assert.Equal(
        "02" + "01" + "02" + "0100000000000000" + "01" + "03" + "0200000000000000" + "01" + "01" + "389d37d6e69506bf5b64242b1ccb55dd",
        Convert.ToHexStringLower(Here.Encode(Seen)));

    [Fact]
    public void A_context_of_another_key_keyspace_or_cluster_is_refused()
    {
        var bytes = Here.Encode(Seen);
        CausalContext[] others =
        [
            Here with { Key = "cars"u8.ToArray() }, Here with { Keyspace = new KeyspaceId(8) }, Here with { ClusterId = Guid.Empty },
            Here with { Keys = [Second with { Id = 1 }] },
        ];
        Assert.All(others, other => Assert.Equal((null, "this cluster did not issue it for this key, or it is damaged"), other.Decode(bytes)));
    }

    // The check of the first version was a hash without a key, so that any client could compute one for any vector.
    [Theory]
    [InlineData("010c274a7e3d0a190502010000000000000001030200000000000000010" + "1494d61f4a32f288d", "version 1, and this node reads version 2")]
    [InlineData("02010201000000000000000103020000000000000001" + "01" + "00000000000000000000000000000000", "did not issue it")]
    [InlineData("02090201000000000000000103020000000000000001" + "01" + "00000000000000000000000000000000", "no longer has the secret")]
    [InlineData("0201", "too short")]
    public void A_forged_context_is_refused(string bytes, string mistake)
    {
        var (seen, why) = Here.Decode(Convert.FromHexString(bytes));

        Assert.Null(seen);
        Assert.Contains(mistake, why, StringComparison.Ordinal);
    }

    [Fact]
    public void The_newest_key_signs_and_older_ones_verify_until_they_are_gone()
    {
        var old = Here.Encode(Seen);
        var rotated = Here with { Keys = [First, Second] };

        Assert.Equal(Seen, rotated.Decode(old).Seen);
        Assert.Equal(Seen, (Here with { Keys = [Second] }).Decode(rotated.Encode(Seen)).Seen);
        Assert.Null((Here with { Keys = [Second] }).Decode(old).Seen);
    }

    [Fact]
    public void More_actors_than_a_context_may_have_are_not_written()
    {
        var tooMany = VersionVector.TryOf([.. Enumerable.Range(0, SiblingSetCodec.ActorsMax + 1).Select(static i => new Dot(new ActorId((ulong)i, 1), 1))])!;

        Assert.Throws<EventualFormatException>(() => Here.Encode(tooMany));
    }

    [Fact]
    public void Every_changed_byte_and_every_cut_is_detected()
    {
        var bytes = Here.Encode(Seen);
        for (var i = 0; i < bytes.Length; i++)
        {
            var changed = (byte[])bytes.Clone();
            changed[i] ^= 0x10;
            Assert.NotNull(Here.Decode(changed).Mistake);
            Assert.True(i == 0 || Here.Decode(bytes.AsMemory(0, i)).Mistake is not null);
        }
    }

    [Fact]
    public void Random_bytes_are_refused() => Gen.Byte.Array[1, 60].Sample(
        static bytes => Assert.NotNull(Here.Decode(bytes).Mistake), iter: 10_000);

    [Fact]
    public void The_longest_permitted_context_is_accepted_and_a_longer_one_refused()
    {
        var longest = VersionVector.Empty;
        for (var i = 0; i < SiblingSetCodec.ActorsMax; i++)
        {
            longest = longest.With(new Dot(new ActorId((ulong)i, ulong.MaxValue), long.MaxValue));
        }

        var bytes = Here.Encode(longest);
        Assert.InRange(bytes.Length, 0, CausalContext.BytesMax);
        Assert.Equal(longest, Here.Decode(bytes).Seen);
        Assert.NotNull(Here.Decode(new byte[CausalContext.BytesMax + 1]).Mistake);
    }
}
