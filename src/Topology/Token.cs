using System.Globalization;

namespace KvRaft.Topology;

/// <summary>A point on the ring of 2^64 points. Clockwise means increasing; the highest is followed by 0.</summary>
public readonly record struct Token(ulong Value) : IComparable<Token>
{
    public int CompareTo(Token other) => Value.CompareTo(other.Value);

    /// <summary>The clockwise distance to <paramref name="other"/>; 0 if it is the same point.</summary>
    public ulong DistanceTo(Token other) => unchecked(other.Value - Value);

    public override string ToString() => Value.ToString("x16", CultureInfo.InvariantCulture);
}
