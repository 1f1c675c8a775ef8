using KvRaft.Topology;

namespace KvRaft.Raft.Reads;

/// <summary>The result of a read barrier.</summary>
public enum ReadBarrierStatus
{
    /// <summary>A read of the state machine from now on is linearizable.</summary>
    Passed,

    /// <summary>This replica does not lead.</summary>
    NotLeader,

    /// <summary>It leads, but no majority answered in time.</summary>
    Unavailable,
}

/// <summary>The result of a read barrier, with the leader in this replica's view.</summary>
public readonly record struct ReadBarrierResult(ReadBarrierStatus Status, NodeId? Leader);
