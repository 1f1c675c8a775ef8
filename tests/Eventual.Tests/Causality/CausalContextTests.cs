using CsCheck;
using KvRaft.Eventual.Causality;
using KvRaft.Topology;

namespace KvRaft.Eventual.Tests.Causality;

public class CausalContextTests
{
    private static readonly CausalContext Here = new(new Guid("7c41e200-0000-4000-8000-000000000001"), new KeyspaceId(7), "cart"u8.ToArray());
    private static readonly VersionVector Seen = Some.Vector((1, 3), (2, 1));

    [Fact]
    public void Comes_back_as_it_was_given()
    {
        Assert.Equal((Seen, null), Here.Decode(Here.Encode(Seen)));
        Assert.Empty(Here.Encode(VersionVector.Empty));
        Assert.Equal((VersionVector.Empty, null), Here.Decode(default));
    }

    // Clients keep contexts over an upgrade of the cluster.
    [Fact]
    public void Golden_bytes() => Assert.Equal(
        "01" + "0c274a7e3d0a1905" + "02" + "0100000000000000" + "01" + "03" + "0200000000000000" + "01" + "01" + "494d61f4a32f288d",
        Convert.ToHexStringLower(Here.Encode(Seen)));

    [Fact]
    public void Of_another_key_keyspace_or_cluster_it_is_refused()
    {
        var bytes = Here.Encode(Seen);
        CausalContext[] others = [Here with { Key = "cars"u8.ToArray() }, Here with { Keyspace = new KeyspaceId(8) }, Here with { ClusterId = Guid.Empty }];
        Assert.All(others, other => Assert.Equal((null, "it belongs to another key, keyspace or cluster"), other.Decode(bytes)));
    }

    [Fact]
    public void Every_changed_byte_and_every_cut_is_noticed()
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
    public void Bytes_of_chance_are_refused() => Gen.Byte.Array[1, 60].Sample(
        static bytes => Assert.NotNull(Here.Decode(bytes).Mistake), iter: 10_000);

    [Fact]
    public void The_longest_is_taken_and_a_longer_one_refused()
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
