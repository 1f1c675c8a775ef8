using KvRaft.Raft.Log;
using KvRaft.Raft.Transport;
using KvRaft.Topology;

namespace KvRaft.Raft.Tests.Transport;

public sealed class HandshakeHeaderTests
{
    private static readonly HandshakeHeader Sample = new(
        ConnectionKind.Raft, new Guid("00112233-4455-6677-8899-aabbccddeeff"), new NodeId("n1"), new NodeId("n2"), "kvraft://n2/g/17/r/3");

    private static readonly byte[] Nonce = [.. Enumerable.Repeat((byte)0x5A, 32)];

    private static readonly HandshakeProof Proof = new(
        new KvRaft.Raft.Security.ClusterSecret("0123456789abcdef0123456789abcdef"u8).DeriveKey(Sample.ClusterId, HandshakeProof.Use));

    [Fact]
    public void Its_bytes_never_change() => Assert.Equal(
        "4B565246" + "03" + "01" + "33221100554477668899AABBCCDDEEFF" + "01" + string.Concat(Enumerable.Repeat("5A", 32))
            + "026E31" + "026E32" + "1400" + Convert.ToHexString("kvraft://n2/g/17/r/3"u8),
        Convert.ToHexString((Sample with { HasSecret = true, Nonce = Nonce }).Encode()));

    [Fact]
    public void The_bytes_of_a_challenge_never_change()
    {
        var nonce = string.Concat(Enumerable.Repeat("5A", 32));
        Assert.Equal(
            "4B565246" + "03" + "00" + "01" + nonce + "551FCDA019A942122EA859409255077225033F5338C72241535E3F8A2B13FFCE",
            Convert.ToHexString(new HandshakeChallenge(HandshakeAnswer.Accepted, Nonce, Proof.OfAccepting(Sample, Nonce)).Encode()));
        Assert.Equal("4B565246" + "03" + "05" + new string('0', 130), Convert.ToHexString(new HandshakeChallenge(HandshakeAnswer.Unproven, null, null).Encode()));
    }

    [Fact]
    public void The_proofs_of_both_sides_differ_and_are_valid_for_one_connection_only()
    {
        var accepting = Proof.OfAccepting(Sample, Nonce);
        Assert.NotEqual(accepting, Proof.OfConnecting(Sample, Nonce));
        foreach (var other in new[]
        {
            Sample with { Kind = ConnectionKind.Peer },
            Sample with { ClusterId = Guid.Empty },
            Sample with { From = new NodeId("n3") },
            Sample with { To = new NodeId("n3") },
            Sample with { Target = "kvraft://n2/g/18/r/3" },
            Sample with { HasSecret = true },
            Sample with { Nonce = Nonce },
        })
        {
            Assert.NotEqual(accepting, Proof.OfAccepting(other, Nonce));
        }

        Assert.NotEqual(accepting, Proof.OfAccepting(Sample, new byte[32]));
    }

    [Theory]
    [InlineData("01")]
    [InlineData("02")]
    public async Task A_handshake_of_an_earlier_version_is_refused_in_the_format_of_that_version(string version)
    {
        var old = Convert.FromHexString("4B565246" + version + "01" + "33221100554477668899AABBCCDDEEFF" + "026E31" + "026E32" + "0000");
        Assert.Equal((null, HandshakeAnswer.UnknownVersion), await HandshakeHeader.ReadAsync(new MemoryStream(old), CancellationToken.None));
        Assert.StartsWith("4B565246" + "03" + "01", Convert.ToHexString(new HandshakeChallenge(HandshakeAnswer.UnknownVersion, null, null).Encode()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Encoded_values_are_read()
    {
        var (header, answer) = await HandshakeHeader.ReadAsync(new MemoryStream(Sample.Encode()), CancellationToken.None);
        Assert.Equal((Sample with { Nonce = header!.Nonce }, HandshakeAnswer.Accepted), (header, answer));
        Assert.Equal(Sample.Nonce.ToArray(), header.Nonce.ToArray());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(22)]
    [InlineData(56)]
    public async Task A_stranger_is_recognised(int damagedByte)
    {
        var bytes = Sample.Encode();
        bytes[damagedByte] = 0xFF;
        Assert.Equal((null, HandshakeAnswer.UnknownVersion), await HandshakeHeader.ReadAsync(new MemoryStream(bytes), CancellationToken.None));
    }

    [Fact]
    public async Task A_handshake_that_ends_early_is_refused() =>
        await Assert.ThrowsAsync<EndOfStreamException>(
            async () => await HandshakeHeader.ReadAsync(new MemoryStream(Sample.Encode()[..^1]), CancellationToken.None));

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
    public void Other_texts_are_not_an_identity(string text) => Assert.False(ReplicaEndPoint.TryParse(text, out _, out _));

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
