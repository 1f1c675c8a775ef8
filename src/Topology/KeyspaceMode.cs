namespace KvRaft.Topology;

/// <summary>The consistency mode of a keyspace. It can never change.</summary>
/// <remarks>The numbers are stored and sent; they never change their meaning.</remarks>
public enum KeyspaceMode : byte
{
    /// <summary>Linearizable, replicated with Raft.</summary>
    Strong = 1,

    /// <summary>Writable wherever enough replicas or fallbacks are reachable; concurrent writes are kept, see <see cref="EventualPolicy"/>.</summary>
    Eventual = 2,
}
