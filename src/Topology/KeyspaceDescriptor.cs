namespace KvRaft.Topology;

/// <summary>A named set of keys with one promise, as the cluster registered it.</summary>
public sealed record KeyspaceDescriptor
{
    public required KeyspaceId Id { get; init; }

    public required string Name { get; init; }

    /// <summary>Fixed at creation.</summary>
    public KeyspaceMode Mode { get; init; } = KeyspaceMode.Strong;

    /// <summary>Fixed at creation: another rule would look for existing keys in other shards.</summary>
    public RoutingRule Routing { get; init; } = RoutingRule.WholeKey;

    /// <summary>How long a value lives if its write named no expiry, in milliseconds; 0 means for ever.</summary>
    public long TtlDefaultMs { get; init; }

    /// <summary>The longest a value may live, in milliseconds from its write; 0 means for ever. At least the default.</summary>
    public long TtlMaxMs { get; init; }

    /// <summary>The largest value, in bytes; 0 leaves it to the node's limit, which holds in any case.</summary>
    public int ValueBytesMax { get; init; }

    /// <summary>Of an eventual keyspace: what it promises. Null of a strong one.</summary>
    public EventualPolicy? Eventual { get; init; }
}
