namespace KvRaft.Topology;

/// <summary>The standing of a node in the cluster. The numbers are on disk.</summary>
public enum NodeStanding : byte
{
    /// <summary>It is a member of the cluster and answers requests. It holds no shard until a plan assigns some.</summary>
    Joined = 1,

    /// <summary>It holds its share of the shards.</summary>
    Active = 2,

    /// <summary>It keeps its replicas, but leads no group and serves no reads, so that it can be stopped.</summary>
    Draining = 3,

    /// <summary>Its replicas move to other nodes; then it is removed permanently.</summary>
    Leaving = 4,
}
