namespace KvRaft.Topology;

/// <summary>The condition under which a replica acknowledges a write to an eventual keyspace.</summary>
/// <remarks>The numbers are stored and sent; they never change their meaning.</remarks>
public enum EventualDurability : byte
{
    /// <summary>The write survives a power failure of the replica.</summary>
    Fsync = 1,

    /// <summary>The operating system has the write: it survives the end of the process, but not a power failure.</summary>
    Memory = 2,
}
