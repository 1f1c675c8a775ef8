using System.Globalization;

namespace KvRaft.Topology;

/// <summary>The version of the shard map. It only grows; 0: no map was received yet.</summary>
public readonly record struct Epoch(long Value) : IComparable<Epoch>
{
    public int CompareTo(Epoch other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}
