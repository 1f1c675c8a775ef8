using KvRaft.Topology;

namespace KvRaft.Eventual.Replicas;

/// <summary>A node missed the newest write of a key; this replica holds the record until it has delivered it to the node.</summary>
/// <param name="SinceMs">When the hint was first stored, milliseconds since the Unix epoch.</param>
public readonly record struct Hint(NodeId Node, EventualKey Key, long SinceMs);

/// <summary>The hints for one node.</summary>
/// <param name="Count">Keys.</param>
/// <param name="OldestMs">When the oldest hint was first stored, milliseconds since the Unix epoch.</param>
public readonly record struct HintBacklog(NodeId Node, long Count, long OldestMs);
