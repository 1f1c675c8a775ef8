using System.Collections.Immutable;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Eventual.Replicas;

/// <summary>
/// The bytes of a <see cref="TenureBook"/>, numbers little-endian.
/// <code>
///  version:1 (1)  epoch:i64  ring:i64  next keyspace:varint  count:varint  (keyspace:varint  tenure:u64 (Tenure.Word)  whole: 4 × u64)*
/// </code>
/// </summary>
internal static class TenureBookCodec
{
    private const byte Version = 1;

    /// <summary>More keyspaces than a cluster may have; a length from outside is never trusted.</summary>
    private const int KeyspacesMax = 1 << 16;

    public static byte[] Encode(TenureBook book)
    {
        var writer = new ByteWriter();
        writer.Byte(Version);
        writer.Int64(book.Epoch);
        writer.Int64(book.Ring);
        writer.VarUInt(book.NextKeyspace.Value);
        writer.VarUInt((ulong)book.Keyspaces.Count);
        foreach (var (keyspace, held) in book.Keyspaces)
        {
            writer.VarUInt(keyspace.Value);
            writer.UInt64(held.Tenure.Word);
            foreach (var word in held.Whole.Bits)
            {
                writer.UInt64(word);
            }
        }

        return writer.ToArray();
    }

    /// <summary>Decodes the book; a blank one if the bytes are not of this version. A node with a blank book meets the other nodes again.</summary>
    public static TenureBook Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        if (reader.Byte() != Version)
        {
            return TenureBook.Blank;
        }

        var (epoch, ring, next, count) = (reader.Int64(), reader.Int64(), reader.VarUInt(), reader.VarInt(KeyspacesMax));
        var keyspaces = ImmutableSortedDictionary.CreateBuilder<KeyspaceId, KeyspaceTenure>();
        for (var i = 0; i < count && !reader.Failed; i++)
        {
            var (keyspace, tenure, whole) = (reader.VarUInt(), reader.UInt64(), new ulong[TokenRangeSet.Words]);
            for (var word = 0; word < whole.Length; word++)
            {
                whole[word] = reader.UInt64();
            }

            keyspaces[new KeyspaceId((uint)keyspace)] = new KeyspaceTenure(Tenure.FromWord(tenure), new TokenRangeSet([.. whole]));
        }

        return reader.AtEnd ? new TenureBook(epoch, ring, new KeyspaceId((uint)next), keyspaces.ToImmutable()) : TenureBook.Blank;
    }
}
