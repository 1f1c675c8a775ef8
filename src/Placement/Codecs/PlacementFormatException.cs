namespace KvRaft.Placement.Codecs;

/// <summary>
/// Bytes that are not a command, state or file of a supported version. If this occurs while a committed entry is applied, the replica stops: a node
/// that cannot read an entry must not guess its effect on the other replicas.
/// </summary>
public sealed class PlacementFormatException(string message) : Exception(message);
