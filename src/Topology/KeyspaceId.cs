using System.Globalization;

namespace KvRaft.Topology;

/// <summary>
/// The number of a keyspace, from 1; assigned by the cluster and never reused after a drop. It stays below 2^31 because the wire type is
/// <c>int32</c>.
/// </summary>
public readonly record struct KeyspaceId(uint Value) : IComparable<KeyspaceId>
{
    /// <summary>The keyspace that every cluster has from the start.</summary>
    public static readonly KeyspaceId Default = new(1);

    public int CompareTo(KeyspaceId other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}
