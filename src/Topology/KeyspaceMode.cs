namespace KvRaft.Topology;

/// <summary>Which promise a keyspace makes. It can never change: a key belongs to one mode for life.</summary>
/// <remarks>The numbers are stored and sent; they never change their meaning.</remarks>
public enum KeyspaceMode : byte
{
    /// <summary>Linearizable, by Raft.</summary>
    Strong = 1,

    /// <summary>Always writable, with siblings. The number is taken; no node serves it yet.</summary>
    Eventual = 2,
}
