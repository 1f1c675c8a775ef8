using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using KvRaft.Raft.Runs;
using KvRaft.Topology;

namespace KvRaft.Raft.Transport;

/// <summary>The purpose of a connection between two nodes.</summary>
internal enum ConnectionKind : byte
{
    /// <summary>DotNext's Raft protocol of one replica.</summary>
    Raft = 1,

    /// <summary>This project's own requests between nodes: status, checkpoint chunks, notifications.</summary>
    Peer = 2,
}

/// <summary>The accepting node's answer to a header.</summary>
internal enum HandshakeAnswer : byte
{
    Accepted = 0,
    UnknownVersion = 1,
    OtherCluster = 2,
    OtherNode = 3,
    UnknownReplica = 4,

    /// <summary>The other side did not prove that it has the cluster secret, and this side requires it.</summary>
    Unproven = 5,

    /// <summary>The proof is wrong: the two nodes have different secrets.</summary>
    OtherSecret = 6,

    /// <summary>The limit of connections is reached, in total or for this node.</summary>
    TooManyConnections = 7,
}

/// <summary>
/// The first bytes on every connection between nodes. They contain the cluster, the two nodes and, for Raft, the replica. So
/// a node of another cluster, an address that now belongs to another node, or an old incarnation is refused before any message is accepted. Then both sides prove that they have
/// the cluster secret, each for the nonce that the other drew: no message is dispatched to a replica before that.
/// <code>
/// header     u32 magic 'KVRF' | u8 version | u8 kind | 16 cluster id | u8 1: has a secret | 32 nonce | u8 n, from node | u8 n, to node | u16 n, target
/// challenge  u32 magic 'KVRF' | u8 version | u8 answer | u8 1: has a secret too | 32 nonce | 32 proof of the accepting node
/// proof      32 proof of the connecting node                           only if both have a secret and the answer is "accepted"
/// verdict    u32 magic 'KVRF' | u8 version | u8 answer                 only after a proof
/// </code>
/// Both sides introduce their runs after it (<see cref="RunExchange"/>). Integers are little-endian; target is the replica's URI, empty for <see cref="ConnectionKind.Peer"/>.
/// A proof is HMAC-SHA256, under the key of this use, over one byte for the side, the whole header and the accepting node's nonce (see <see cref="HandshakeProof"/>).
/// </summary>
internal sealed record HandshakeHeader(ConnectionKind Kind, Guid ClusterId, NodeId From, NodeId To, string Target)
{
    public const byte Version = 3;
    public const int AnswerLength = 6;

    /// <summary>The part of fixed length at the start of every header, in bytes.</summary>
    public const int HeadLength = 4 + 1 + 1 + 16 + 1 + NonceLength;

    public const int NonceLength = 32;

    private const uint Magic = 0x4652564B;

    private const int SecretOffset = 22;
    private const int NonceOffset = 23;

    /// <summary>A target is a URI of a 63-character node and two numbers; 256 bytes are enough, and limit the bytes that an unknown party can make this node read.</summary>
    private const int TargetLengthMax = 256;

    /// <summary>The connecting node has a secret and can prove it.</summary>
    public bool HasSecret { get; init; }

    /// <summary>Drawn by the connecting node for this connection.</summary>
    public ReadOnlyMemory<byte> Nonce { get; init; } = new byte[NonceLength];

    public byte[] Encode()
    {
        var from = Encoding.ASCII.GetBytes(From.Value);
        var to = Encoding.ASCII.GetBytes(To.Value);
        var target = Encoding.ASCII.GetBytes(Target);
        var bytes = new byte[HeadLength + 1 + from.Length + 1 + to.Length + 2 + target.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Magic);
        bytes[4] = Version;
        bytes[5] = (byte)Kind;
        ClusterId.TryWriteBytes(bytes.AsSpan(6));
        bytes[SecretOffset] = HasSecret ? (byte)1 : (byte)0;
        Nonce.Span.CopyTo(bytes.AsSpan(NonceOffset, NonceLength));
        var rest = bytes.AsSpan(HeadLength);
        rest[0] = (byte)from.Length;
        from.CopyTo(rest[1..]);
        rest = rest[(1 + from.Length)..];
        rest[0] = (byte)to.Length;
        to.CopyTo(rest[1..]);
        rest = rest[(1 + to.Length)..];
        BinaryPrimitives.WriteUInt16LittleEndian(rest, (ushort)target.Length);
        target.CopyTo(rest[2..]);
        return bytes;
    }

    /// <summary>Reads a header. Returns null if the bytes are not a header at all.</summary>
    public static async ValueTask<(HandshakeHeader? Header, HandshakeAnswer Answer)> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        // The version first: the format of the rest depends on it.
        var head = new byte[HeadLength];
        await stream.ReadExactlyAsync(head.AsMemory(0, AnswerLength), cancellationToken).ConfigureAwait(false);
        if (BinaryPrimitives.ReadUInt32LittleEndian(head) != Magic
            || head[4] != Version || head[5] is not ((byte)ConnectionKind.Raft or (byte)ConnectionKind.Peer))
        {
            return (null, HandshakeAnswer.UnknownVersion);
        }

        await stream.ReadExactlyAsync(head.AsMemory(AnswerLength), cancellationToken).ConfigureAwait(false);
        var cluster = new Guid(head.AsSpan(6, 16));
        var from = await ReadTextAsync(stream, 1, NodeId.LengthMax, cancellationToken).ConfigureAwait(false);
        var to = await ReadTextAsync(stream, 1, NodeId.LengthMax, cancellationToken).ConfigureAwait(false);
        var target = await ReadTextAsync(stream, 2, TargetLengthMax, cancellationToken).ConfigureAwait(false);
        return NodeId.IsValid(from) && NodeId.IsValid(to) && target is not null && head[SecretOffset] <= 1
            ? (new HandshakeHeader((ConnectionKind)head[5], cluster, new NodeId(from!), new NodeId(to!), target)
            {
                HasSecret = head[SecretOffset] == 1,
                Nonce = head.AsMemory(NonceOffset, NonceLength),
            }, HandshakeAnswer.Accepted)
            : (null, HandshakeAnswer.UnknownVersion);
    }

    public static byte[] EncodeAnswer(HandshakeAnswer answer)
    {
        var bytes = new byte[AnswerLength];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Magic);
        bytes[4] = Version;
        bytes[5] = (byte)answer;
        return bytes;
    }

    /// <exception cref="HandshakeRefusedException">The other side refused, or is not a KvRaft node.</exception>
    public static async ValueTask ReadAnswerAsync(Stream stream, NodeId to, CancellationToken cancellationToken)
    {
        var bytes = new byte[AnswerLength];
        await stream.ReadExactlyAsync(bytes, cancellationToken).ConfigureAwait(false);
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Magic || bytes[4] != Version)
        {
            throw new HandshakeRefusedException(to, HandshakeAnswer.UnknownVersion);
        }

        if (bytes[5] != (byte)HandshakeAnswer.Accepted)
        {
            throw new HandshakeRefusedException(to, (HandshakeAnswer)bytes[5]);
        }
    }

    private static async ValueTask<string?> ReadTextAsync(Stream stream, int prefixLength, int lengthMax, CancellationToken cancellationToken)
    {
        var prefix = new byte[2];
        await stream.ReadExactlyAsync(prefix.AsMemory(0, prefixLength), cancellationToken).ConfigureAwait(false);
        var length = BinaryPrimitives.ReadUInt16LittleEndian(prefix);
        if (length > lengthMax)
        {
            return null;
        }

        var text = new byte[length];
        await stream.ReadExactlyAsync(text, cancellationToken).ConfigureAwait(false);
        return Encoding.ASCII.GetString(text);
    }
}

/// <summary>The accepting node's answer; see <see cref="HandshakeHeader"/>.</summary>
/// <param name="Answer">Any value except "accepted" ends the connection.</param>
/// <param name="Nonce">Drawn for this connection; null: this node has no secret, or the other one reported that it has none.</param>
/// <param name="Proof">The proof of the accepting node, if it has drawn a nonce.</param>
internal sealed record HandshakeChallenge(HandshakeAnswer Answer, byte[]? Nonce, byte[]? Proof)
{
    private const int Length = HandshakeHeader.AnswerLength + 1 + HandshakeHeader.NonceLength + HandshakeProof.Length;

    public byte[] Encode()
    {
        var bytes = new byte[Length];
        HandshakeHeader.EncodeAnswer(Answer).CopyTo(bytes, 0);
        if (Nonce is not null)
        {
            bytes[HandshakeHeader.AnswerLength] = 1;
            Nonce.CopyTo(bytes, HandshakeHeader.AnswerLength + 1);
            Proof!.CopyTo(bytes, HandshakeHeader.AnswerLength + 1 + HandshakeHeader.NonceLength);
        }

        return bytes;
    }

    /// <exception cref="HandshakeRefusedException">The other side refused, or is not a KvRaft node.</exception>
    public static async ValueTask<HandshakeChallenge> ReadAsync(Stream stream, NodeId to, CancellationToken cancellationToken)
    {
        // A refusal is read first: an older node sends no more than that.
        await HandshakeHeader.ReadAnswerAsync(stream, to, cancellationToken).ConfigureAwait(false);
        var rest = new byte[Length - HandshakeHeader.AnswerLength];
        await stream.ReadExactlyAsync(rest, cancellationToken).ConfigureAwait(false);
        return rest[0] switch
        {
            0 => new HandshakeChallenge(HandshakeAnswer.Accepted, null, null),
            1 => new HandshakeChallenge(HandshakeAnswer.Accepted, rest[1..(1 + HandshakeHeader.NonceLength)], rest[(1 + HandshakeHeader.NonceLength)..]),
            _ => throw new HandshakeRefusedException(to, HandshakeAnswer.UnknownVersion),
        };
    }
}

/// <summary>
/// The proofs of a connection. Both sides sign the same bytes: the cluster, both nodes, the target and both nonces. So a proof
/// cannot be used on another connection. The first byte identifies the side, so one side's proof cannot be sent back as the other's.
/// </summary>
internal sealed class HandshakeProof(byte[] key)
{
    public const int Length = 32;

    /// <summary>The purpose of the key; see <see cref="Security.ClusterSecret.DeriveKey"/>.</summary>
    public const string Use = "kvraft raft port 2";

    private const byte Accepting = 1;
    private const byte Connecting = 2;

    public static byte[] DrawNonce() => RandomNumberGenerator.GetBytes(HandshakeHeader.NonceLength);

    public byte[] OfAccepting(HandshakeHeader header, byte[] nonce) => Of(Accepting, header, nonce);

    public byte[] OfConnecting(HandshakeHeader header, byte[] nonce) => Of(Connecting, header, nonce);

    /// <summary>Takes the same time for every difference.</summary>
    public static bool Equal(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> given) => CryptographicOperations.FixedTimeEquals(expected, given);

    private byte[] Of(byte whose, HandshakeHeader header, byte[] nonce) => HMACSHA256.HashData(key, (byte[])[whose, .. header.Encode(), .. nonce]);
}

/// <summary>The other node did not accept this node's header, or this node did not accept the other's answer.</summary>
internal sealed class HandshakeRefusedException(NodeId node, HandshakeAnswer answer)
    : IOException($"The connection to node '{node}' is refused: {Explain(answer)}.")
{
    public HandshakeAnswer Answer { get; } = answer;

    public static string Explain(HandshakeAnswer answer) => answer switch
    {
        HandshakeAnswer.UnknownVersion => "it is not a KvRaft node, or its connections have another format",
        HandshakeAnswer.OtherCluster => "it belongs to another cluster",
        HandshakeAnswer.OtherNode => "another node answers at that address",
        HandshakeAnswer.UnknownReplica => "it has no such replica",
        HandshakeAnswer.Unproven => "one node requires the cluster secret (clusterSecretFile) and the other has none",
        HandshakeAnswer.OtherSecret => "the two nodes have different cluster secrets (clusterSecretFile)",
        HandshakeAnswer.TooManyConnections => "it has too many connections (limits.raftConnectionsMax)",
        _ => $"answer {(byte)answer}",
    };
}
