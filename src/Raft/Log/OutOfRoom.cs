namespace KvRaft.Raft.Log;

/// <summary>
/// Distinguishes a full disk from a failing one. If a file could not be made or extended because the disk is full, the data on disk is not affected, and the operation can be retried.
/// If a write or a sync fails for another reason, the content of its file is permanently unknown. Segments are zeroed before they are used, so a write into one needs no new space
/// (a file system that writes to a new place at each overwrite, such as btrfs, does not guarantee that, and is not supported).
/// </summary>
internal static class OutOfRoom
{
    /// <summary>ENOSPC and EDQUOT of Linux, which .NET passes on unchanged.</summary>
    private const int NoSpaceLeft = 28;

    private const int QuotaExceeded = 122;

    public static bool Is(Exception error) => error is IOException { HResult: NoSpaceLeft or QuotaExceeded };
}

/// <summary>
/// This node's disk is too full for more entries. Nothing was appended. The leader treats this replica as unavailable until there is space; terms, votes and
/// configurations are still accepted.
/// </summary>
internal sealed class LogOutOfRoomException : IOException
{
    public LogOutOfRoomException()
        : base("The disk of this node is full: its log accepts no entries, only terms, votes and configurations, until there is free space.")
    {
    }

    public LogOutOfRoomException(long freeBytes)
        : base($"{freeBytes} bytes are free")
    {
    }
}
