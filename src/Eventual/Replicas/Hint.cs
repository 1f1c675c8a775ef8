using KvRaft.Topology;

namespace KvRaft.Eventual.Replicas;

/// <summary>A node missed the newest write of a key; this replica keeps the record and owes it to the node.</summary>
/// <param name="SinceMs">When it was first owed, milliseconds since the Unix epoch.</param>
public readonly record struct Hint(NodeId Node, EventualKey Key, long SinceMs);

/// <summary>What is owed to one node.</summary>
/// <param name="Count">Keys.</param>
/// <param name="OldestMs">When the oldest was first owed, milliseconds since the Unix epoch.</param>
public readonly record struct HintBacklog(NodeId Node, long Count, long OldestMs);
