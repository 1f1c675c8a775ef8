using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using KvRaft.Topology;

namespace KvRaft.Placement.Codecs;

/// <summary>
/// Writes the formats of this component into one growing array. Integers of fixed size are little-endian, others LEB128 in the shortest form; strings
/// are UTF-8 with their length in bytes in front.
/// </summary>
internal sealed class PlacementWriter
{
    private readonly ArrayBufferWriter<byte> _buffer = new(256);

    public ReadOnlySpan<byte> Written => _buffer.WrittenSpan;

    public void Byte(byte value)
    {
        _buffer.GetSpan(1)[0] = value;
        _buffer.Advance(1);
    }

    public void UInt32(uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_buffer.GetSpan(sizeof(uint)), value);
        _buffer.Advance(sizeof(uint));
    }

    public void UInt64(ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_buffer.GetSpan(sizeof(ulong)), value);
        _buffer.Advance(sizeof(ulong));
    }

    public void Int64(long value) => UInt64((ulong)value);

    /// <summary>16 bytes in the order of the text form (RFC 9562, section 4).</summary>
    public void Guid(Guid value)
    {
        _ = value.TryWriteBytes(_buffer.GetSpan(16), bigEndian: true, out var written);
        _buffer.Advance(written);
    }

    public void VarUInt(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            Byte((byte)(value | 0x80));
        }

        Byte((byte)value);
    }

    public void Text(string value)
    {
        VarUInt((ulong)Encoding.UTF8.GetByteCount(value));
        _ = Encoding.UTF8.GetBytes(value, _buffer);
    }

    /// <summary>A time at the end of a command; older encodings of the same kind do not contain it. Writes nothing if it is 0.</summary>
    public void LastMoment(long ms)
    {
        if (ms > 0)
        {
            VarUInt((ulong)ms);
        }
    }

    /// <summary>
    /// Optional properties of a keyspace, after a byte that states which of them are present. Before there were such properties the byte was 0.
    /// </summary>
    public void More(EventualPolicy? policy, long ttlMaxMs)
    {
        Byte((byte)((policy is null ? 0 : 1) | (ttlMaxMs == 0 ? 0 : 2)));
        if (policy is not null)
        {
            Byte((byte)policy.Quorum.N);
            Byte((byte)policy.Quorum.R);
            Byte((byte)policy.Quorum.W);
            Byte(policy.Quorum.Sloppy ? (byte)1 : (byte)0);
            Byte((byte)policy.Conflict);
            Byte((byte)policy.Durability);
        }

        if (ttlMaxMs != 0)
        {
            VarUInt((ulong)ttlMaxMs);
        }
    }

    public void Raw(ReadOnlySpan<byte> value) => _buffer.Write(value);

    /// <summary>name, weight (the 64 bits of the double), zone, raft address, public address.</summary>
    public void Node(NodeDescriptor node)
    {
        Text(node.Id.Value);
        UInt64(BitConverter.DoubleToUInt64Bits(node.Weight));
        Text(node.Zone);
        Text(node.RaftAddress);
        Text(node.PublicAddress);
    }
}
