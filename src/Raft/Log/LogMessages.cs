using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Log;

/// <summary>Log messages of the node's log. Event ids 2500 to 2599; retired ids are not used again.</summary>
internal static partial class NodeLogMessages
{
    [LoggerMessage(2500, LogLevel.Information, "Log opened in {Directory}: {Segments} segments, {Groups} groups, batch {Batch} is the last")]
    public static partial void LogOpened(this ILogger logger, string directory, int segments, int groups, long batch);

    [LoggerMessage(2501, LogLevel.Information, "Cut a torn tail: the data after batch {Batch} (segment {Segment} offset {Offset}) was never synced")]
    public static partial void TornTailCut(this ILogger logger, long batch, long segment, long offset);

    [LoggerMessage(2502, LogLevel.Error, "The log is damaged: {Hole}")]
    public static partial void HoleFound(this ILogger logger, LogHole hole);

    [LoggerMessage(2503, LogLevel.Error, "The log of {Replica} is damaged ({Damage}); the replica neither votes nor counts until it was rebuilt")]
    public static partial void GroupDamaged(this ILogger logger, ReplicaKey replica, LogDamage damage);

    [LoggerMessage(2504, LogLevel.Warning, "The durable mark in {Directory} is missing or unreadable; this start could not check whether the end of the log is lost")]
    public static partial void DurableMarkMissing(this ILogger logger, string directory);

    [LoggerMessage(2505, LogLevel.Error, "An entry of {Replica} failed its checksum ({Damage}); the replica must be rebuilt")]
    public static partial void EntryUnreadable(this ILogger logger, ReplicaKey replica, LogDamage damage);

    [LoggerMessage(2506, LogLevel.Critical, "The log failed and accepts no more records; restart the node")]
    public static partial void LogFailed(this ILogger logger, Exception cause);

    [LoggerMessage(2507, LogLevel.Debug, "Rolled to segment {Segment} ({Bytes} bytes)")]
    public static partial void Rolled(this ILogger logger, long segment, long bytes);

    [LoggerMessage(2508, LogLevel.Debug, "Reclaimed segment {Segment}")]
    public static partial void Reclaimed(this ILogger logger, long segment);

    [LoggerMessage(2509, LogLevel.Debug, "{Replica} pins segment {Segment} although the log exceeds its budget; its start must move to {Index}")]
    public static partial void GroupPinsLog(this ILogger logger, ReplicaKey replica, long segment, long index);

    [LoggerMessage(2510, LogLevel.Information, "Log closed after batch {Batch}")]
    public static partial void LogClosed(this ILogger logger, long batch);

    [LoggerMessage(2570, LogLevel.Warning, "The disk is too full for segment {Segment} of {Bytes} bytes: {Reason}. The log accepts no more entries, only terms, votes and configurations. The node tries again every second; free disk space")]
    public static partial void NoRoom(this ILogger logger, long segment, long bytes, string reason);

    [LoggerMessage(2571, LogLevel.Information, "Segment {Segment} fits on the disk: the log accepts entries again")]
    public static partial void HasRoom(this ILogger logger, long segment);
}
