namespace KvRaft.Storage.Commands;

/// <summary>
/// The bytes are no command. Within one format version all replicas read the same bytes alike, so apply answers
/// <see cref="RefusalReason.Malformed"/> and goes on.
/// </summary>
public sealed class CommandFormatException(string message) : FormatException(message);

/// <summary>
/// The command was written by another version of the software. Refusing it here while other replicas apply it would let copies
/// diverge, so the replica stops.
/// </summary>
public sealed class UnsupportedCommandException(string message) : FormatException(message);
