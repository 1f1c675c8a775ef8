using System.Globalization;

namespace KvRaft.Storage.Schema;

/// <summary>
/// The number of a keyspace, which the placement driver assigns once and never reuses. It is the first part of a stored key, so all
/// keyspaces share the shards, and one range covers a dropped keyspace.
/// </summary>
public readonly record struct KeyspaceId(uint Value) : IComparable<KeyspaceId>
{
    public int CompareTo(KeyspaceId other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}
