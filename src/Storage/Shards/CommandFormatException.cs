namespace KvRaft.Storage.Shards;

/// <summary>
/// The bytes are no command. Within one format version all replicas read the same bytes alike, so apply answers
/// <see cref="RefusalReason.Malformed"/> and goes on.
/// </summary>
public sealed class CommandFormatException(string message) : FormatException(message);

/// <summary>
/// The command was written by a newer version of the software. Refusing it here while newer replicas apply it would let copies
/// diverge, so the replica stops until it is upgraded.
/// </summary>
public sealed class UnsupportedCommandException(string message) : FormatException(message);
