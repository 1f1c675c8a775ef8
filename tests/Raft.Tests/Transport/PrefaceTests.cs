using KvRaft.Raft.Log;
using KvRaft.Raft.Transport;
using KvRaft.Topology;

namespace KvRaft.Raft.Tests.Transport;

public sealed class PrefaceTests
{
    private static readonly Preface Sample = new(
        ConnectionKind.Raft, new Guid("00112233-4455-6677-8899-aabbccddeeff"), new NodeId("n1"), new NodeId("n2"), "kvraft://n2/g/17/r/3");

    [Fact]
    public void Its_bytes_never_change() => Assert.Equal(
        "4B565246" + "02" + "01" + "33221100554477668899AABBCCDDEEFF" + "026E31" + "026E32" + "1400" + Convert.ToHexString("kvraft://n2/g/17/r/3"u8),
        Convert.ToHexString(Sample.Encode()));

    [Fact]
    public async Task What_was_encoded_is_read()
    {
        var (preface, answer) = await Preface.ReadAsync(new MemoryStream(Sample.Encode()), CancellationToken.None);
        Assert.Equal((Sample, PrefaceAnswer.Accepted), (preface, answer));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(23)]
    public async Task A_stranger_is_recognised(int damagedByte)
    {
        var bytes = Sample.Encode();
        bytes[damagedByte] = 0xFF;
        Assert.Equal((null, PrefaceAnswer.UnknownVersion), await Preface.ReadAsync(new MemoryStream(bytes), CancellationToken.None));
    }

    [Fact]
    public async Task A_preface_that_ends_early_is_no_preface() =>
        await Assert.ThrowsAsync<EndOfStreamException>(
            async () => await Preface.ReadAsync(new MemoryStream(Sample.Encode()[..^1]), CancellationToken.None));

    [Fact]
    public void An_identity_survives_its_text()
    {
        var identity = ReplicaEndPoint.Create(new NodeId("n1"), new ReplicaKey(new GroupId(17), 3));
        Assert.Equal("kvraft://n1/g/17/r/3", identity.Uri.AbsoluteUri);
        Assert.True(ReplicaEndPoint.TryParse(identity, out var node, out var key));
        Assert.Equal((new NodeId("n1"), new ReplicaKey(new GroupId(17), 3)), (node, key));
    }

    [Theory]
    [InlineData("http://n1/g/17/r/3")]
    [InlineData("kvraft://n1/g/17")]
    [InlineData("kvraft://n1/g/x/r/3")]
    [InlineData("kvraft://n1/g/17/r/-3")]
    [InlineData("kvraft://n1/h/17/r/3")]
    [InlineData("")]
    public void Other_texts_are_no_identity(string text) => Assert.False(ReplicaEndPoint.TryParse(text, out _, out _));

    [Fact]
    public void Equal_identities_are_equal_end_points()
    {
        var one = ReplicaEndPoint.Create(new NodeId("n1"), new ReplicaKey(new GroupId(1), 1));
        var same = ReplicaEndPoint.Create(new NodeId("n1"), new ReplicaKey(new GroupId(1), 1));
        var next = ReplicaEndPoint.Create(new NodeId("n1"), new ReplicaKey(new GroupId(1), 2));
        Assert.True(ReplicaEndPointComparer.Instance.Equals(one, same));
        Assert.Equal(ReplicaEndPointComparer.Instance.GetHashCode(one), ReplicaEndPointComparer.Instance.GetHashCode(same));
        Assert.False(ReplicaEndPointComparer.Instance.Equals(one, next));
    }
}
