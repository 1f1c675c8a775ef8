using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Codecs;

/// <summary>
/// Reads the output of <see cref="PlacementWriter"/>. It never reads past the end, checks a count before it allocates memory for it, and accepts
/// exactly one encoding of each value. Everything else is a <see cref="PlacementFormatException"/>.
/// </summary>
internal ref struct PlacementReader(ReadOnlySpan<byte> source)
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private ReadOnlySpan<byte> _left = source;

    public readonly void End()
    {
        if (!_left.IsEmpty)
        {
            throw new PlacementFormatException($"{_left.Length} bytes are left over.");
        }
    }

    public byte Byte() => Take(1)[0];

    public bool Flag() => Byte() switch
    {
        0 => false,
        1 => true,
        var other => throw new PlacementFormatException($"{other} is not a boolean; 0 and 1 are."),
    };

    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)));

    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong)));

    public long Int64() => (long)UInt64();

    public Guid Guid() => new(Take(16), bigEndian: true);

    public ulong VarUInt()
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = Byte();
            if ((shift == 63 && next > 1) || (shift > 0 && next == 0))
            {
                break;
            }

            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw new PlacementFormatException("A variable integer is not in its shortest form.");
    }

    /// <summary>A variable-length integer of at most <paramref name="max"/>.</summary>
    public int VarInt(int max, string what)
    {
        var value = VarUInt();
        return max >= 0 && value <= (ulong)max ? (int)value : throw new PlacementFormatException($"{value} is too large for {what}; the maximum is {max}.");
    }

    /// <summary>A variable-length integer that fits into a signed 64-bit integer.</summary>
    public long Number(string what) =>
        VarUInt() is var value && value <= long.MaxValue ? (long)value : throw new PlacementFormatException($"{value} is too large for {what}.");

    /// <summary>As <see cref="PlacementWriter.LastMoment"/> wrote it.</summary>
    public long LastMoment()
    {
        if (_left.IsEmpty)
        {
            return 0;
        }

        var moment = Number("moment");
        return moment > 0 ? moment : throw new PlacementFormatException("A time of 0 must be omitted.");
    }

    /// <summary>
    /// The number of items that follow. Each item takes at least one byte, so a count above the number of remaining bytes is invalid.
    /// </summary>
    public int Count(int max, string what) => VarInt(Math.Min(max, _left.Length), what);

    public string Text(int bytesMax, string what)
    {
        var bytes = Take(VarInt(bytesMax, what));
        try
        {
            return StrictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw new PlacementFormatException($"The {what} is not UTF-8.");
        }
    }

    public ReadOnlySpan<byte> Take(int count)
    {
        if (count > _left.Length)
        {
            throw new PlacementFormatException($"The bytes end {count - _left.Length} early.");
        }

        var taken = _left[..count];
        _left = _left[count..];
        return taken;
    }

    public NodeId NodeId()
    {
        var name = Text(Topology.NodeId.LengthMax, "node id");
        return Topology.NodeId.IsValid(name) ? new NodeId(name) : throw new PlacementFormatException($"'{name}' is not a node id.");
    }

    /// <summary>A name; empty: no node.</summary>
    public NodeId NodeIdOrNone()
    {
        var name = Text(Topology.NodeId.LengthMax, "node id");
        return name.Length == 0 ? default
            : Topology.NodeId.IsValid(name) ? new NodeId(name)
            : throw new PlacementFormatException($"'{name}' is not a node id.");
    }

    // A character of a zone or an address takes up to four bytes.
    public NodeDescriptor Node() => new()
    {
        Id = NodeId(),
        Weight = BitConverter.UInt64BitsToDouble(UInt64()),
        Zone = Text(4 * NodeDescriptor.ZoneLengthMax, "zone"),
        RaftAddress = Text(4 * NodeDescriptor.AddressLengthMax, "raft address"),
        PublicAddress = Text(4 * NodeDescriptor.AddressLengthMax, "public address"),
    };

    /// <summary>As <see cref="PlacementWriter.More"/> wrote it.</summary>
    public EventualPolicy? More(out long ttlMaxMs)
    {
        var set = Byte();
        if (set > 3)
        {
            throw new PlacementFormatException($"Field set {set:x2} of a keyspace contains fields that this version does not support.");
        }

        var policy = (set & 1) == 0 ? null : new EventualPolicy
        {
            Quorum = new QuorumSpec(Byte(), Byte(), Byte(), Flag()),
            Conflict = (ConflictPolicy)Byte(),
            Durability = (EventualDurability)Byte(),
        };
        ttlMaxMs = (set & 2) == 0 ? 0 : (long)VarUInt();
        return ttlMaxMs > 0 || (set & 2) == 0 ? policy : throw new PlacementFormatException("A maximum ttl of 0 must be omitted.");
    }

    public ImmutableArray<NodeDescriptor> Nodes()
    {
        var nodes = ImmutableArray.CreateBuilder<NodeDescriptor>(Count(PlacementLimits.NodesMax, "nodes"));
        for (var i = 0; i < nodes.Capacity; i++)
        {
            nodes.Add(Node());
        }

        return nodes.MoveToImmutable();
    }
}
