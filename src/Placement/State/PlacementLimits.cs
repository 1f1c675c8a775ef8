namespace KvRaft.Placement.State;

/// <summary>How much group 0 holds. Part of the state machine: a limit that differs between replicas would make them disagree.</summary>
public static class PlacementLimits
{
    /// <summary>Keyspaces of a cluster. The registry is sent whole with every route map; at some 60 bytes each a thousand are 60 KB.</summary>
    public const int KeyspacesMax = 1000;

    /// <summary>Nodes of a cluster. Descriptors travel with the map too; a thousand of some 100 bytes are 100 KB.</summary>
    public const int NodesMax = 1000;

    /// <summary>Changes of one plan: one for each node of the largest cluster.</summary>
    public const int StagedMax = NodesMax;

    /// <summary>Operators that ended and are kept for people to look at; at some 100 bytes each 20 KB.</summary>
    public const int HistoryMax = 200;

    /// <summary>Operators of one plan: every replica of every shard, once.</summary>
    public const int OperatorsMax = Topology.ShardMap.ShardCountMax * Topology.ShardMap.ReplicationFactorMax;

    /// <summary>Characters of a cause or a note: two lines of a terminal.</summary>
    public const int NoteLengthMax = 200;

    /// <summary>A hundred years, in milliseconds: beyond it a duration is a mistake, and its sum with a date stays far below 2^63.</summary>
    public const long TtlMsMax = 100L * 365 * 24 * 60 * 60 * 1000;
}
