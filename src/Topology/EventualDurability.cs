namespace KvRaft.Topology;

/// <summary>When a replica's answer to a write of an eventual keyspace counts.</summary>
/// <remarks>The numbers are stored and sent; they never change their meaning.</remarks>
public enum EventualDurability : byte
{
    /// <summary>When the write survives a power cut there.</summary>
    Fsync = 1,

    /// <summary>When the operating system has it: it survives the end of the process, not of the power.</summary>
    Memory = 2,
}
