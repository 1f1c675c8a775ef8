namespace KvRaft.Raft.Log;

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
