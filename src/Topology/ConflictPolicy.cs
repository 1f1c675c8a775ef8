namespace KvRaft.Topology;

/// <summary>What concurrent writes of a key of an eventual keyspace come to.</summary>
/// <remarks>The numbers are stored and sent; they never change their meaning.</remarks>
public enum ConflictPolicy : byte
{
    /// <summary>All of them stand, and the reader decides.</summary>
    Siblings = 1,

    /// <summary>The latest by hybrid time stands; the others are lost, by choice.</summary>
    LastWriter = 2,

    Counter = 3,
    Set = 4,
    Register = 5,
    Map = 6,
}
