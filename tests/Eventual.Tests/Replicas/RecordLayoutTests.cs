using CsCheck;
using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Replicas;
using KvRaft.Eventual.Trees;
using KvRaft.Topology;

namespace KvRaft.Eventual.Tests.Replicas;

public class RecordLayoutTests
{
    private static readonly Gen<EventualKey> Keys = Gen.Select(Gen.UInt[1, 3], Gen.ULong, Gen.Byte.Array[1, 20], static (keyspace, token, key) =>
        new EventualKey(new KeyspaceId(keyspace), new Token(token), key));

    [Fact]
    public void Keys_are_read_as_they_were_written() => Gen.Select(Keys, Gen.Int[0, 2].Select(static i => new[] { "n1", "a-long-name", "z" }[i])).Sample(static (key, node) =>
    {
        Assert.Equal(key, RecordLayout.KeyOfRecord(RecordLayout.Record(key)));
        Assert.Equal((key, new NodeId(node)), RecordLayout.PartsOfHint(RecordLayout.Hint(key, new NodeId(node))));
        var place = LeafPlace.Of(key.Keyspace, key.Token);
        Assert.Equal(place, RecordLayout.PlaceOfLeaf(RecordLayout.Leaf(place)));
        Assert.InRange(key.Token.Value, place.Start.Value, place.Last.Value);
    });

    [Fact]
    public void Records_are_in_the_order_of_their_tokens() => Gen.Select(Keys, Keys).Sample(static (a, b) =>
    {
        var order = (a.Keyspace.Value, a.Token.Value).CompareTo((b.Keyspace.Value, b.Token.Value));
        if (order != 0)
        {
            Assert.Equal(order, Math.Sign(RecordLayout.Record(a).AsSpan().SequenceCompareTo(RecordLayout.Record(b))));
        }
    });

    [Fact]
    public void Random_bytes_are_refused_or_mean_one_record() => Gen.Select(Gen.Int[0, 1], Gen.Byte.Array[0, 60]).Sample(
        static (hasWriter, tail) =>
        {
            byte[] bytes = [1, (byte)hasWriter, .. tail];
            try
            {
                Assert.Equal(bytes, StoredRecord.Decode(bytes).Encode());
            }
            catch (EventualFormatException)
            {
                // Refused with the expected exception.
            }
        },
        iter: 10_000);

    // These bytes are on disks.
    [Fact]
    public void Golden_bytes()
    {
        var key = new EventualKey(new KeyspaceId(7), new Token(0x8142000000000001), "k"u8.ToArray());

        Assert.Equal("01" + "00000007" + "8142000000000001" + "6b", Convert.ToHexStringLower(RecordLayout.Record(key)));
        Assert.Equal("02" + "00000007" + "8142000000000001" + "0001" + "6b" + "6e31", Convert.ToHexStringLower(RecordLayout.Hint(key, new NodeId("n1"))));
        Assert.Equal("03" + "00000007" + "0081" + "0010", Convert.ToHexStringLower(RecordLayout.Leaf(LeafPlace.Of(key.Keyspace, key.Token))));
        Assert.Equal(
            "01" + "01" + "0a00000000000000" + "8101" + "01" + "00" + "00",
            Convert.ToHexStringLower(new StoredRecord(new ActorId(10, 129), SiblingSet.Empty).Encode()));
    }
}
