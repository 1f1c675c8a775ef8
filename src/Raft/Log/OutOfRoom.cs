namespace KvRaft.Raft.Log;

/// <summary>
/// A full disk, told apart from a failing one. Where a file could not be made or extended for want of room, nothing that is on disk is in doubt, and it can be tried again;
/// a write or a sync that fails for another reason leaves its file unknown for ever. Segments are zeroed before they are used, so a write into one needs no room
/// (a file system that writes elsewhere at each overwrite, such as btrfs, does not keep that promise, and is not supported).
/// </summary>
internal static class OutOfRoom
{
    /// <summary>ENOSPC and EDQUOT of Linux, which .NET hands on as they are.</summary>
    private const int NoSpaceLeft = 28;

    private const int QuotaExceeded = 122;

    public static bool Is(Exception error) => error is IOException { HResult: NoSpaceLeft or QuotaExceeded };
}

/// <summary>
/// This node's disk has no room for more entries. Nothing was appended. The leader sees this replica as unavailable until there is room; terms, votes and
/// configurations are still taken.
/// </summary>
internal sealed class LogOutOfRoomException : IOException
{
    public LogOutOfRoomException()
        : base("The disk of this node has no room: its log takes no more entries until there is room again; terms, votes and configurations are taken.")
    {
    }

    public LogOutOfRoomException(long freeBytes)
        : base($"{freeBytes} bytes are free")
    {
    }
}
