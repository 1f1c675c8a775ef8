namespace KvRaft.Topology;

/// <summary>The resolution of concurrent writes to a key of an eventual keyspace.</summary>
/// <remarks>The numbers are stored and sent; they never change their meaning.</remarks>
public enum ConflictPolicy : byte
{
    /// <summary>All values are kept as siblings, and the reader resolves them.</summary>
    Siblings = 1,

    /// <summary>The latest write by hybrid time wins; the others are discarded.</summary>
    LastWriter = 2,

    Counter = 3,
    Set = 4,
    Register = 5,
    Map = 6,
}
