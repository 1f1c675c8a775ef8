namespace KvRaft.Topology;

/// <summary>
/// The last known leader of a shard, with its Raft term. It is a hint: it may be outdated at any time, and an outdated hint costs one hop. Hints
/// change without a new epoch.
/// </summary>
public readonly record struct LeaderHint(NodeId Node, long Term);
