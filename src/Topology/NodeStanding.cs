namespace KvRaft.Topology;

/// <summary>What a node is to the cluster. The numbers are on disk.</summary>
public enum NodeStanding : byte
{
    /// <summary>It belongs to the cluster, answers requests and holds no shard until a plan gives it some.</summary>
    Joined = 1,

    /// <summary>It holds its share of the shards.</summary>
    Active = 2,

    /// <summary>It keeps its replicas, but leads nothing and is not read from: about to be stopped for a while.</summary>
    Draining = 3,

    /// <summary>Its replicas move elsewhere; then it is gone for good.</summary>
    Leaving = 4,
}
