namespace KvRaft.Storage.Commands;

/// <summary>
/// The bytes are not a command. Within one format version all replicas read the same bytes alike, so apply returns
/// <see cref="RefusalReason.Malformed"/> and continues.
/// </summary>
public sealed class CommandFormatException(string message) : FormatException(message);

/// <summary>
/// The command was written by another version of the software. Refusing it here while other replicas apply it would let copies
/// diverge, so the replica stops.
/// </summary>
public sealed class UnsupportedCommandException(string message) : FormatException(message);
