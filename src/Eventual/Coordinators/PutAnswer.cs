using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Replicas;

namespace KvRaft.Eventual.Coordinators;

/// <summary>The result of a quorum write.</summary>
/// <param name="End">The result at the replica of the coordinator; if the write was not applied there, it was sent to no other node.</param>
/// <param name="State">The state at the coordinator after the write.</param>
/// <param name="Reached">W replicas have the write. If false, some replicas may have it, and repair distributes it to the others.</param>
/// <param name="Answered">Replicas that had it when this answer was made.</param>
/// <param name="Fallbacks">How many of them are fallbacks.</param>
/// <param name="Overlaps">Reads with the R of the keyspace are certain to see it.</param>
internal readonly record struct PutAnswer(WriteEnd End, SiblingSet State, bool Reached, int Answered, int Fallbacks, bool Overlaps)
{
    /// <summary>The size that the key would have after a write that was refused.</summary>
    public RefusedSize Refused { get; init; }
}

/// <summary>The result of a quorum read.</summary>
/// <param name="State">The merged state of all replicas that answered.</param>
/// <param name="Reached">R replicas answered.</param>
/// <param name="Answered">Replicas that answered.</param>
/// <param name="Fallbacks">How many of them are fallbacks.</param>
/// <param name="Overlaps">The read has seen every acknowledged write that overlaps.</param>
internal readonly record struct GetAnswer(SiblingSet State, bool Reached, int Answered, int Fallbacks, bool Overlaps);
