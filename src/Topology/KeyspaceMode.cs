namespace KvRaft.Topology;

/// <summary>Which promise a keyspace makes. It can never change: a key belongs to one mode for life.</summary>
/// <remarks>The numbers are stored and sent; they never change their meaning.</remarks>
public enum KeyspaceMode : byte
{
    /// <summary>Linearizable, by Raft.</summary>
    Strong = 1,

    /// <summary>Writable wherever enough replicas or fallbacks are reached; concurrent writes are kept, see <see cref="EventualPolicy"/>.</summary>
    Eventual = 2,
}
