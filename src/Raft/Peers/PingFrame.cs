using System.Buffers.Binary;
using KvRaft.Raft.Clocks;
using KvRaft.Topology;

namespace KvRaft.Raft.Peers;

/// <summary>
/// The answer to a <see cref="PeerRequestKind.Ping"/>, little-endian: <c>i64 last batch that the node's log certainly holds | i64 wall clock | i64 cluster time, 0 = none</c>,
/// both times Unix milliseconds.
/// </summary>
internal static class PingFrame
{
    public const int Length = 24;

    public static byte[] Encode(long logBatch, (long WallMs, long? ClusterMs) shown)
    {
        var body = new byte[Length];
        BinaryPrimitives.WriteInt64LittleEndian(body, logBatch);
        BinaryPrimitives.WriteInt64LittleEndian(body.AsSpan(8), shown.WallMs);
        BinaryPrimitives.WriteInt64LittleEndian(body.AsSpan(16), shown.ClusterMs ?? 0);
        return body;
    }

    /// <summary>The clock reading in an answer; null if the answer is invalid.</summary>
    /// <param name="node">The node that answered.</param>
    /// <param name="body">The answer.</param>
    /// <param name="asked">The send time of the ping, by the monotonic clock.</param>
    /// <param name="answered">The arrival time of the answer.</param>
    public static ClockReading? Decode(NodeId node, ReadOnlySpan<byte> body, double asked, double answered)
    {
        if (body.Length != Length)
        {
            return null;
        }

        // The clocks were read at some moment between ping and answer.
        var (error, middle) = ((answered - asked) / 2, (asked + answered) / 2);
        var cluster = BinaryPrimitives.ReadInt64LittleEndian(body[16..]);
        return new(node, BinaryPrimitives.ReadInt64LittleEndian(body[8..]) - middle, cluster <= 0 ? null : cluster - middle, error);
    }
}
