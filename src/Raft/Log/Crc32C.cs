using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace KvRaft.Raft.Log;

/// <summary>CRC-32C (Castagnoli, RFC 3720 appendix B.4), with the processor's instruction if there is one.</summary>
internal static class Crc32C
{
    public static uint Of(ReadOnlySpan<byte> bytes) => ~Append(~0u, bytes);

    /// <summary>Continues from a raw register value: start with <c>~0u</c>, finish with <c>~</c>.</summary>
    public static uint Append(uint register, ReadOnlySpan<byte> bytes)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (var word in words)
        {
            register = BitOperations.Crc32C(register, BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word));
        }

        foreach (var b in bytes[(words.Length * sizeof(ulong))..])
        {
            register = BitOperations.Crc32C(register, b);
        }

        return register;
    }

    public static uint Append(uint register, ulong word) => BitOperations.Crc32C(register, word);
}
