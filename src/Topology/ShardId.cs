using System.Globalization;

namespace KvRaft.Topology;

/// <summary>The number of a shard, from 0: one of the equal token ranges of the ring.</summary>
public readonly record struct ShardId(int Value) : IComparable<ShardId>
{
    public int CompareTo(ShardId other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}
