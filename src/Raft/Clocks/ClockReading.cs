using KvRaft.Topology;

namespace KvRaft.Raft.Clocks;

/// <summary>
/// What one node's clocks show, as numbers of milliseconds ahead of this process's monotonic clock, so that readings of different moments compare.
/// </summary>
/// <param name="Node">Whose they are.</param>
/// <param name="Wall">Its wall clock.</param>
/// <param name="Cluster">The time of the cluster as it runs there; null: it has none yet.</param>
/// <param name="Error">By how much either may be wrong: half of what question and answer took.</param>
internal readonly record struct ClockReading(NodeId Node, double Wall, double? Cluster, double Error);
