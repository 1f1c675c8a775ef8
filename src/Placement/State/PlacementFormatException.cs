namespace KvRaft.Placement.State;

/// <summary>
/// Bytes that are no command, state or file of a version this node knows. Met while applying a committed entry it stops the replica:
/// a node that cannot read an entry must not guess what the others made of it.
/// </summary>
public sealed class PlacementFormatException(string message) : Exception(message);
