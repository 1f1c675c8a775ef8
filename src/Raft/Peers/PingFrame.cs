using System.Buffers.Binary;
using KvRaft.Raft.Clocks;
using KvRaft.Topology;

namespace KvRaft.Raft.Peers;

/// <summary>
/// The answer to a <see cref="PeerRequestKind.Ping"/>, little-endian: <c>i64 last batch that the node's log is known to hold | i64 wall clock | i64 time of the cluster, 0 = none</c>,
/// both Unix milliseconds.
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

    /// <summary>The reading of clocks in an answer; null if it is none.</summary>
    /// <param name="node">Whose answer it is.</param>
    /// <param name="body">The answer.</param>
    /// <param name="asked">When the question was sent, by the monotonic clock.</param>
    /// <param name="answered">When the answer came.</param>
    public static ClockReading? Decode(NodeId node, ReadOnlySpan<byte> body, double asked, double answered)
    {
        if (body.Length != Length)
        {
            return null;
        }

        // The clocks were read at some moment between question and answer.
        var (error, middle) = ((answered - asked) / 2, (asked + answered) / 2);
        var cluster = BinaryPrimitives.ReadInt64LittleEndian(body[16..]);
        return new(node, BinaryPrimitives.ReadInt64LittleEndian(body[8..]) - middle, cluster <= 0 ? null : cluster - middle, error);
    }
}
