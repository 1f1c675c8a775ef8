using KvRaft.Topology;

namespace KvRaft.Raft.Clocks;

/// <summary>
/// A reading of one node's clocks, in milliseconds ahead of this process's monotonic clock, so that readings of different moments are comparable.
/// </summary>
/// <param name="Node">The node of the clocks.</param>
/// <param name="Wall">Its wall clock.</param>
/// <param name="Cluster">The cluster time on that node; null: it has none yet.</param>
/// <param name="Error">The maximum error of either: half of the round-trip time.</param>
internal readonly record struct ClockReading(NodeId Node, double Wall, double? Cluster, double Error);
