namespace KvRaft.Topology;

/// <summary>A node of the cluster, as registered in group 0.</summary>
public sealed record NodeDescriptor
{
    /// <summary>The longest address, in characters: the longest DNS name (RFC 1035, section 2.3.4), a colon and a port.</summary>
    public const int AddressLengthMax = 255 + 6;

    /// <summary>The maximum length of a zone name in characters: twice the length of cloud zone names, which have less than 30.</summary>
    public const int ZoneLengthMax = 63;

    public required NodeId Id { get; init; }

    /// <summary>Share of replicas relative to other nodes; see <see cref="RingNode.IsValidWeight"/>.</summary>
    public double Weight { get; init; } = 1;

    /// <summary>Failure domain; the replicas of a shard are placed in different zones if possible. Empty: the node is its own zone.</summary>
    public string Zone { get; init; } = "";

    /// <summary>The address of its replicas for other nodes: <c>host:port</c>.</summary>
    public required string RaftAddress { get; init; }

    /// <summary>The address of its services for clients and forwarding nodes: <c>host:port</c>.</summary>
    public required string PublicAddress { get; init; }

    /// <summary>The standing of the node in the cluster; initial nodes are active.</summary>
    public NodeStanding Standing { get; init; } = NodeStanding.Active;

    /// <summary>
    /// A random id that the data directory of the node receives when it is created; empty until the node has reported it. A node that returns with
    /// another id has lost its votes and data, and is not the registered node.
    /// </summary>
    public Guid Instance { get; init; }

    /// <summary>True if the ring assigns shards to the node.</summary>
    public bool IsOwner => Standing is NodeStanding.Active or NodeStanding.Draining;

    public RingNode ToRingNode() => new(Id, Weight, Zone);
}
