namespace KvRaft.Topology;

/// <summary>A node of the cluster, as it is registered in group 0.</summary>
public sealed record NodeDescriptor
{
    /// <summary>The longest address, in characters: the longest DNS name (RFC 1035, section 2.3.4), a colon and a port.</summary>
    public const int AddressLengthMax = 255 + 6;

    /// <summary>The longest zone name, in characters. Cloud zone names have below 30; double that.</summary>
    public const int ZoneLengthMax = 63;

    public required NodeId Id { get; init; }

    /// <summary>Share of replicas relative to other nodes; see <see cref="RingNode.IsValidWeight"/>.</summary>
    public double Weight { get; init; } = 1;

    /// <summary>Failure domain; replicas of a shard are put in different zones first. Empty: the node is its own.</summary>
    public string Zone { get; init; } = "";

    /// <summary>Where other nodes reach its replicas: <c>host:port</c>.</summary>
    public required string RaftAddress { get; init; }

    /// <summary>Where clients and forwarding nodes reach its services: <c>host:port</c>.</summary>
    public required string PublicAddress { get; init; }

    /// <summary>What the node is to the cluster; the nodes it was founded with are active.</summary>
    public NodeStanding Standing { get; init; } = NodeStanding.Active;

    /// <summary>
    /// Drawn by the node's data directory when it was made; empty until the node has told it. A node that comes back with another one has lost
    /// what it promised, and is not the one that is registered.
    /// </summary>
    public Guid Instance { get; init; }

    /// <summary>Does the ring give it shards?</summary>
    public bool IsOwner => Standing is NodeStanding.Active or NodeStanding.Draining;

    public RingNode ToRingNode() => new(Id, Weight, Zone);
}
