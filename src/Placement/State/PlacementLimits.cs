namespace KvRaft.Placement.State;

/// <summary>The limits of group 0. They are part of the state machine: if a limit differed between replicas, the replicas would diverge.</summary>
public static class PlacementLimits
{
    /// <summary>Keyspaces of a cluster. Every route map contains the whole registry; a thousand entries of about 60 bytes are 60 KB.</summary>
    public const int KeyspacesMax = 1000;

    /// <summary>Nodes of a cluster. The route map contains their descriptors too; a thousand of about 100 bytes are 100 KB.</summary>
    public const int NodesMax = 1000;

    /// <summary>Changes of one plan: one per node of the largest cluster.</summary>
    public const int StagedMax = NodesMax;

    /// <summary>Ended operators in the history; at about 100 bytes each, 20 KB.</summary>
    public const int HistoryMax = 200;

    /// <summary>Operators of one plan: every replica of every shard, once.</summary>
    public const int OperatorsMax = Topology.ShardMap.ShardCountMax * Topology.ShardMap.ReplicationFactorMax;

    /// <summary>Characters of a cause or a note: two lines of a terminal.</summary>
    public const int NoteLengthMax = 200;

    /// <summary>A hundred years, in milliseconds: a longer duration is a mistake. The sum of this duration and a date is far below 2^63.</summary>
    public const long TtlMsMax = 100L * 365 * 24 * 60 * 60 * 1000;
}
