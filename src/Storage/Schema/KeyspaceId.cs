using System.Globalization;

namespace KvRaft.Storage.Schema;

/// <summary>
/// The number of a keyspace, given once by the placement driver and never reused. It is the first part of a stored key, so all
/// keyspaces share the shards and dropping one is one range.
/// </summary>
public readonly record struct KeyspaceId(uint Value) : IComparable<KeyspaceId>
{
    public int CompareTo(KeyspaceId other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}
