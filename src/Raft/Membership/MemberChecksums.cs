using System.Buffers.Binary;
using KvRaft.Raft.Log;

namespace KvRaft.Raft.Membership;

/// <summary>
/// The checksums that a member list may have, in the file <c>members.sum</c> beside it: of the present content, and of the next one while it is written.
/// <code>
/// 6 magic 'KVMSUM' | u8 version | u8 count, 1 or 2 | count × u32 CRC32C | u32 CRC32C of the bytes before      little-endian
/// </code>
/// </summary>
internal sealed record MemberChecksums(uint Present, uint Next)
{
    private const byte Version = 1;

    private const int HeaderBytes = 8;

    private static ReadOnlySpan<byte> Magic => "KVMSUM"u8;

    public static MemberChecksums Of(ReadOnlySpan<byte> content) => Of(content, content);

    public static MemberChecksums Of(ReadOnlySpan<byte> present, ReadOnlySpan<byte> next) => new(Crc32C.Of(present), Crc32C.Of(next));

    /// <summary>The checksums of the member list in <paramref name="file"/>; null: there are none, or they are damaged.</summary>
    public static MemberChecksums? ReadFrom(string file) => DurableFile.Exists(PathOf(file)) ? Parse(File.ReadAllBytes(PathOf(file))) : null;

    public bool Accepts(ReadOnlySpan<byte> content) => Crc32C.Of(content) is var sum && (sum == Present || sum == Next);

    /// <summary>Durable when this returns.</summary>
    public void WriteTo(string file, IFileSystem files) => DurableFile.Write(PathOf(file), Format(), files);

    internal byte[] Format()
    {
        uint[] sums = Present == Next ? [Present] : [Present, Next];
        var bytes = new byte[HeaderBytes + (sizeof(uint) * (sums.Length + 1))];
        Magic.CopyTo(bytes);
        bytes[6] = Version;
        bytes[7] = (byte)sums.Length;
        for (var i = 0; i < sums.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(HeaderBytes + (sizeof(uint) * i)), sums[i]);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(bytes.Length - sizeof(uint)), Crc32C.Of(bytes.AsSpan(0, bytes.Length - sizeof(uint))));
        return bytes;
    }

    internal static MemberChecksums? Parse(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeaderBytes || !bytes.StartsWith(Magic) || bytes[6] != Version || bytes[7] is not (1 or 2)
            || bytes.Length != HeaderBytes + (sizeof(uint) * (bytes[7] + 1))
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes[^sizeof(uint)..]) != Crc32C.Of(bytes[..^sizeof(uint)]))
        {
            return null;
        }

        var present = BinaryPrimitives.ReadUInt32LittleEndian(bytes[HeaderBytes..]);
        return new MemberChecksums(present, bytes[7] == 2 ? BinaryPrimitives.ReadUInt32LittleEndian(bytes[(HeaderBytes + sizeof(uint))..]) : present);
    }

    internal static string PathOf(string file) => file + ".sum";
}
