namespace KvRaft.Topology;

/// <summary>
/// Who was last heard to lead a shard, and in which Raft term. A hint: it may be out of date the moment it is read, and being
/// wrong costs one hop. Hints change without a new epoch.
/// </summary>
public readonly record struct LeaderHint(NodeId Node, long Term);
