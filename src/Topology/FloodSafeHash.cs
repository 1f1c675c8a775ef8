using System.Runtime.InteropServices;

namespace KvRaft.Topology;

/// <summary>
/// Hashes of bytes that clients choose, for hash tables in memory. The hash is Marvin, which .NET uses for strings, with a random key for each process.
/// So a client cannot choose many keys with one hash, which would make each look-up take time in proportion to their number (Crosby and Wallach: Denial of
/// Service via Algorithmic Complexity Attacks, USENIX Security 2003). <see cref="KeyHash"/> has a key that clients receive, and
/// <c>ByteString.GetHashCode</c> has none.
/// <para>The value differs between processes. It must not be stored, sent or compared between replicas, and must not decide an order; the order of a
/// <see cref="Dictionary{TKey, TValue}"/> does not depend on it.</para>
/// </summary>
public static class FloodSafeHash
{
    public static int Of(ReadOnlySpan<byte> bytes)
    {
        var hash = string.GetHashCode(MemoryMarshal.Cast<byte, char>(bytes));

        // The cast drops an odd last byte. Multiplied by an odd number, so that two strings that differ only there differ in the hash.
        return (bytes.Length & 1) == 0 ? hash : (hash * 31) + bytes[^1] + 1;
    }
}

/// <summary>Compares keys by content, and hashes them by <see cref="FloodSafeHash"/>.</summary>
public sealed class KeyBytesComparer : IEqualityComparer<ReadOnlyMemory<byte>>
{
    public static readonly KeyBytesComparer Instance = new();

    public bool Equals(ReadOnlyMemory<byte> x, ReadOnlyMemory<byte> y) => x.Span.SequenceEqual(y.Span);

    public int GetHashCode(ReadOnlyMemory<byte> obj) => FloodSafeHash.Of(obj.Span);
}
