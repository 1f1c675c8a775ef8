using System.Globalization;

namespace KvRaft.Eventual.Causality;

/// <summary>
/// A point of hybrid logical time: milliseconds since the Unix epoch, and a count for events within one millisecond or while the wall clock is behind.
/// 48 bits of milliseconds last until the year 10889. If the 16 bits of count overflow, they carry into the next millisecond.
/// (Kulkarni, Demirbas, Madappa, Avva, Leone: Logical Physical Clocks, OPODIS 2014.)
/// </summary>
public readonly record struct HybridStamp(ulong Value) : IComparable<HybridStamp>
{
    private const int CountBits = 16;

    /// <summary>The last millisecond that a stamp can represent.</summary>
    public const long MillisecondsMax = (1L << (64 - CountBits)) - 1;

    public static HybridStamp AtStartOf(long milliseconds) => new((ulong)Math.Clamp(milliseconds, 0, MillisecondsMax) << CountBits);

    public long Milliseconds => (long)(Value >> CountBits);

    /// <summary>The next stamp. The last stamp is its own successor, because a stamp from outside can have any value.</summary>
    public HybridStamp Successor => Value == ulong.MaxValue ? this : new(Value + 1);

    public int CompareTo(HybridStamp other) => Value.CompareTo(other.Value);

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Milliseconds}.{Value & ((1 << CountBits) - 1)}");
}
