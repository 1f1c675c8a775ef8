using System.Buffers.Binary;
using System.Text;
using KvRaft.Topology;

namespace KvRaft.Raft.Transport;

/// <summary>What a connection between two nodes is for.</summary>
internal enum ConnectionKind : byte
{
    /// <summary>DotNext's Raft protocol of one replica.</summary>
    Raft = 1,

    /// <summary>Our own requests between nodes: status, checkpoint chunks, nudges.</summary>
    Peer = 2,
}

/// <summary>What the accepting node thinks of a preface.</summary>
internal enum PrefaceAnswer : byte
{
    Accepted = 0,
    UnknownVersion = 1,
    OtherCluster = 2,
    OtherNode = 3,
    UnknownReplica = 4,
}

/// <summary>
/// The first bytes on every connection between nodes. It names the cluster, the two nodes and, for Raft, the replica, so that
/// a node of another cluster, an address that changed hands, or an old incarnation is refused before it can be believed.
/// <code>
/// preface   u32 magic 'KVRF' | u8 version | u8 kind | 16 cluster id | u8 n, from node | u8 n, to node | u16 n, target
/// answer    u32 magic 'KVRF' | u8 version | u8 answer
/// </code>
/// Both sides introduce their runs after it (<see cref="RunExchange"/>). Integers are little-endian; target is the replica's URI, empty for <see cref="ConnectionKind.Peer"/>.
/// </summary>
internal sealed record Preface(ConnectionKind Kind, Guid ClusterId, NodeId From, NodeId To, string Target)
{
    public const byte Version = 2;
    public const int AnswerLength = 6;

    /// <summary>The part of fixed length every preface starts with, in bytes.</summary>
    public const int HeadLength = 4 + 1 + 1 + 16;

    private const uint Magic = 0x4652564B;

    /// <summary>A target is a URI of a 63-character node and two numbers; 256 bytes leave room, and bound what a stranger can make us read.</summary>
    private const int TargetLengthMax = 256;

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

    /// <summary>Reads a preface. Answers null when the bytes are no preface of ours at all.</summary>
    public static async ValueTask<(Preface? Preface, PrefaceAnswer Answer)> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        var head = new byte[HeadLength];
        await stream.ReadExactlyAsync(head, cancellationToken).ConfigureAwait(false);
        if (BinaryPrimitives.ReadUInt32LittleEndian(head) != Magic)
        {
            return (null, PrefaceAnswer.UnknownVersion);
        }

        if (head[4] != Version || head[5] is not ((byte)ConnectionKind.Raft or (byte)ConnectionKind.Peer))
        {
            return (null, PrefaceAnswer.UnknownVersion);
        }

        var cluster = new Guid(head.AsSpan(6, 16));
        var from = await ReadTextAsync(stream, 1, NodeId.LengthMax, cancellationToken).ConfigureAwait(false);
        var to = await ReadTextAsync(stream, 1, NodeId.LengthMax, cancellationToken).ConfigureAwait(false);
        var target = await ReadTextAsync(stream, 2, TargetLengthMax, cancellationToken).ConfigureAwait(false);
        return NodeId.IsValid(from) && NodeId.IsValid(to) && target is not null
            ? (new Preface((ConnectionKind)head[5], cluster, new NodeId(from!), new NodeId(to!), target), PrefaceAnswer.Accepted)
            : (null, PrefaceAnswer.UnknownVersion);
    }

    public static byte[] EncodeAnswer(PrefaceAnswer answer)
    {
        var bytes = new byte[AnswerLength];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Magic);
        bytes[4] = Version;
        bytes[5] = (byte)answer;
        return bytes;
    }

    /// <exception cref="PrefaceRefusedException">The other side refused, or is no KvRaft node.</exception>
    public static async ValueTask ReadAnswerAsync(Stream stream, NodeId to, CancellationToken cancellationToken)
    {
        var bytes = new byte[AnswerLength];
        await stream.ReadExactlyAsync(bytes, cancellationToken).ConfigureAwait(false);
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Magic || bytes[4] != Version)
        {
            throw new PrefaceRefusedException(to, PrefaceAnswer.UnknownVersion);
        }

        if (bytes[5] != (byte)PrefaceAnswer.Accepted)
        {
            throw new PrefaceRefusedException(to, (PrefaceAnswer)bytes[5]);
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

/// <summary>The other node did not accept our preface.</summary>
internal sealed class PrefaceRefusedException(NodeId node, PrefaceAnswer answer)
    : IOException($"Node '{node}' refused the connection: {answer}.")
{
    public PrefaceAnswer Answer { get; } = answer;
}
