using System.Buffers.Binary;

namespace KvRaft.Storage.Engine;

/// <summary>
/// Changes that are written atomically. They are recorded in RocksDB's own batch representation, so that a batch crosses into native code
/// by one call and one copy instead of one call for each row. RocksDB keeps that format stable because its write-ahead logs consist
/// of it (<c>db/write_batch.cc</c>):
/// <code>
///  sequence:u64 = 0   count:u32   then records, all little-endian, lengths as varint:
///  0x01 key:len+bytes value:len+bytes       put
///  0x00 key:len+bytes                       delete
///  0x0F from:len+bytes to:len+bytes         delete [from, to)
/// </code>
/// For one thread; reusable after <see cref="Clear"/>.
/// </summary>
public sealed class EngineBatch
{
    internal const byte DeleteTag = 0x00;
    internal const byte PutTag = 0x01;
    internal const byte DeleteRangeTag = 0x0F;
    internal const int HeaderBytes = 12;

    private const int CountOffset = 8;

    private readonly ByteWriter _writer = new(capacity: 4096);

    public EngineBatch() => Clear();

    /// <summary>Changes recorded.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes recorded, with overhead.</summary>
    public int ByteCount => _writer.Length;

    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => Record(PutTag, key, value);

    public void Delete(ReadOnlySpan<byte> key)
    {
        _writer.Byte(DeleteTag);
        _writer.Bytes(key);
        Count++;
    }

    /// <summary>
    /// Deletes all rows in [<paramref name="from"/>, <paramref name="to"/>), whatever their number, as one record. An empty
    /// <paramref name="to"/> has no row before it; <paramref name="from"/> may not be after <paramref name="to"/>.
    /// </summary>
    public void DeleteRange(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to) => Record(DeleteRangeTag, from, to);

    public void Clear()
    {
        _writer.Clear();
        _writer.Take(HeaderBytes).Clear();
        Count = 0;
    }

    /// <summary>The finished representation; valid until the next change.</summary>
    internal Span<byte> Seal()
    {
        var bytes = _writer.WrittenForUpdate;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[CountOffset..], (uint)Count);
        return bytes;
    }

    private void Record(byte tag, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        _writer.Byte(tag);
        _writer.Bytes(first);
        _writer.Bytes(second);
        Count++;
    }
}
