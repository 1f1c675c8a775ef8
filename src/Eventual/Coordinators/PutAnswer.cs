using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Replicas;

namespace KvRaft.Eventual.Coordinators;

/// <summary>How a write through a quorum ended.</summary>
/// <param name="End">What the coordinator's own replica said; if not applied, nothing was sent anywhere.</param>
/// <param name="State">The coordinator's state after the write.</param>
/// <param name="Reached">W replicas have it. If not, some have it nevertheless, and it will spread.</param>
/// <param name="Answered">Replicas that had it when this was answered.</param>
/// <param name="Fallbacks">How many of them only stand in.</param>
/// <param name="Overlaps">Reads with the keyspace's R are sure to meet it.</param>
internal readonly record struct PutAnswer(WriteEnd End, SiblingSet State, bool Reached, int Answered, int Fallbacks, bool Overlaps);

/// <summary>How a read through a quorum ended.</summary>
/// <param name="State">What all who answered know together.</param>
/// <param name="Reached">R replicas answered.</param>
/// <param name="Answered">How many did.</param>
/// <param name="Fallbacks">How many of them only stand in.</param>
/// <param name="Overlaps">Every acknowledged write that overlaps was met.</param>
internal readonly record struct GetAnswer(SiblingSet State, bool Reached, int Answered, int Fallbacks, bool Overlaps);
