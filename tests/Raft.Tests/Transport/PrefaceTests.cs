using KvRaft.Raft.Log;
using KvRaft.Raft.Runs;
using KvRaft.Raft.Transport;
using KvRaft.Topology;

namespace KvRaft.Raft.Tests.Transport;

public sealed class PrefaceTests
{
    private static readonly Preface Sample = new(
        ConnectionKind.Raft, new Guid("00112233-4455-6677-8899-aabbccddeeff"), new NodeId("n1"), new NodeId("n2"), "kvraft://n2/g/17/r/3",
        new NodeRun(5, new Guid("0f0e0d0c-0b0a-0908-0706-050403020100"), 258));

    private const string RunBytes = "0500000000000000" + "0C0D0E0F0A0B08090706050403020100" + "0201000000000000";

    [Fact]
    public void Its_bytes_never_change() => Assert.Equal(
        "4B565246" + "02" + "01" + "33221100554477668899AABBCCDDEEFF" + "026E31" + "026E32" + "1400" + Convert.ToHexString("kvraft://n2/g/17/r/3"u8) + RunBytes,
        Convert.ToHexString(Sample.Encode()));

    [Fact]
    public void The_bytes_of_an_answer_never_change() => Assert.Equal(
        "4B565246" + "02" + "14" + RunBytes, Convert.ToHexString(Preface.EncodeAnswer(PrefaceAnswer.RunSuperseded, Sample.Run)));

    [Fact]
    public async Task A_preface_of_the_version_before_is_refused()
    {
        var bytes = Sample.Encode()[..^NodeRun.Bytes];
        bytes[4] = 1;
        Assert.Equal((null, PrefaceAnswer.UnknownVersion), await Preface.ReadAsync(new MemoryStream(bytes), CancellationToken.None));
    }

    [Fact]
    public async Task An_answer_names_the_run_of_the_other_side() => Assert.Equal(
        Sample.Run, await Preface.ReadAnswerAsync(new MemoryStream(Preface.EncodeAnswer(PrefaceAnswer.Accepted, Sample.Run)), new NodeId("n2"), CancellationToken.None));

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
