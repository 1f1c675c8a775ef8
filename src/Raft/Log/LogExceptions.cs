namespace KvRaft.Raft.Log;

/// <summary>The log could not be opened: it is not accessible, belongs to another node, has another format, or all its segments are lost.</summary>
public sealed class LogOpenException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>
/// A write or a sync failed. The log has failed permanently and acknowledges nothing any more. The node must stop; records without an
/// acknowledgement may or may not be found after the restart.
/// </summary>
internal sealed class LogFailedException(Exception cause)
    : Exception($"The node's log failed and accepts no more records; restart the node. Cause: {cause.Message}", cause);

/// <summary>An entry's payload exceeds <see cref="NodeLogOptions.PayloadBytesMax"/>. Nothing was appended.</summary>
internal sealed class LogEntryTooLargeException(int actualBytes, int maxBytes)
    : Exception($"An entry of {actualBytes} bytes exceeds the log's limit of {maxBytes} bytes (PayloadBytesMax).")
{
    public int ActualBytes { get; } = actualBytes;

    public int MaxBytes { get; } = maxBytes;
}

/// <summary>The awaited entry was truncated before it was durable.</summary>
internal sealed class LogEntryCutException(long index)
    : Exception($"The entry at index {index} was truncated before it was durable.")
{
    public long Index { get; } = index;
}

/// <summary>An entry failed its checksum in a read; its group is now marked as damaged.</summary>
internal sealed class LogDamagedException(ReplicaKey key, LogDamage damage)
    : Exception($"The log of {key} is damaged: {damage}. The replica must be rebuilt from a healthy one.")
{
    public LogDamage Damage { get; } = damage;
}
