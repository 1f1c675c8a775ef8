using System.Globalization;

namespace KvRaft.Eventual.Causality;

/// <summary>
/// A point of hybrid logical time: milliseconds since the Unix epoch and, for what happens within one or while a clock stands back, a
/// count. 48 bits of milliseconds last until the year 10889; 16 bits of count borrow from the next millisecond when they run over.
/// (Kulkarni, Demirbas, Madappa, Avva, Leone: Logical Physical Clocks, OPODIS 2014.)
/// </summary>
public readonly record struct HybridStamp(ulong Value) : IComparable<HybridStamp>
{
    private const int CountBits = 16;

    /// <summary>The last millisecond a stamp can name.</summary>
    public const long MillisecondsMax = (1L << (64 - CountBits)) - 1;

    public static HybridStamp AtStartOf(long milliseconds) => new((ulong)Math.Clamp(milliseconds, 0, MillisecondsMax) << CountBits);

    public long Milliseconds => (long)(Value >> CountBits);

    /// <summary>The next stamp; the last one is its own successor, since a stamp from outside may be any.</summary>
    public HybridStamp Successor => Value == ulong.MaxValue ? this : new(Value + 1);

    public int CompareTo(HybridStamp other) => Value.CompareTo(other.Value);

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Milliseconds}.{Value & ((1 << CountBits) - 1)}");
}
