namespace KvRaft.Topology;

/// <summary>A named set of keys with one consistency mode, as registered in the cluster.</summary>
public sealed record KeyspaceDescriptor
{
    public required KeyspaceId Id { get; init; }

    public required string Name { get; init; }

    /// <summary>Fixed at creation.</summary>
    public KeyspaceMode Mode { get; init; } = KeyspaceMode.Strong;

    /// <summary>Fixed at creation: with another rule, existing keys would be looked up in other shards.</summary>
    public RoutingRule Routing { get; init; } = RoutingRule.WholeKey;

    /// <summary>The time to live of a write without an expiry, in milliseconds; 0: for ever.</summary>
    public long TtlDefaultMs { get; init; }

    /// <summary>The maximum time to live, in milliseconds from the write; 0: no limit. At least the default.</summary>
    public long TtlMaxMs { get; init; }

    /// <summary>The maximum size of a value, in bytes; 0: only the limit of the node applies, which always applies.</summary>
    public int ValueBytesMax { get; init; }

    /// <summary>The policy of an eventual keyspace. Null for a strong one.</summary>
    public EventualPolicy? Eventual { get; init; }
}
