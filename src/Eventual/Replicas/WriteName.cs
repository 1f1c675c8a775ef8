using System.Buffers.Binary;
using System.IO.Hashing;

namespace KvRaft.Eventual.Replicas;

/// <summary>
/// The id of a client's write, as a sibling stores it (<see cref="Causality.Sibling.WriteId"/>):
/// <code>
///  identity:u64   XXH3 of the client id and the number of the write
///  content:u64    XXH3 of what the client sent for the key
/// </code>
/// Two attempts of one write have one id. Another write under the same identity has another content, so it is recognised as a fault of the client and
/// refused; it is neither dropped as a repeat nor merged with the first one. Only the current siblings of a key are compared, a hundred at most by default, so 64 bits are sufficient: a client
/// that computes a collision loses a write of its own.
/// </summary>
internal static class WriteName
{
    /// <summary>The write has no identity, so it is never a repeat.</summary>
    public static readonly UInt128 None = UInt128.Zero;

    /// <param name="client">The client id.</param>
    /// <param name="sequence">The number that the client gave the write.</param>
    /// <param name="content">The content, with <paramref name="context"/> and <paramref name="number"/>.</param>
    public static UInt128 Of(ReadOnlySpan<byte> client, long sequence, ReadOnlySpan<byte> content, ReadOnlySpan<byte> context = default, long number = 0)
    {
        Span<byte> sent = stackalloc byte[sizeof(long) + sizeof(ulong)];
        BinaryPrimitives.WriteInt64LittleEndian(sent, number);
        BinaryPrimitives.WriteUInt64LittleEndian(sent[sizeof(long)..], XxHash3.HashToUInt64(context));
        var identity = XxHash3.HashToUInt64(client, sequence);
        return new UInt128(identity == 0 ? 1 : identity, XxHash3.HashToUInt64(content, (long)XxHash3.HashToUInt64(sent)));
    }

    /// <summary>Both were written under one identity, whatever their content is.</summary>
    public static bool HaveOneIdentity(UInt128 left, UInt128 right) => left != None && (ulong)(left >> 64) == (ulong)(right >> 64);
}
