using KvRaft.Topology;

namespace KvRaft.Eventual.Quorum;

/// <summary>Whom a read or write is for, and how many of them it wants.</summary>
/// <param name="List">Who keeps the key.</param>
/// <param name="Tenure">Under what, as a number; only the word of nodes that say the same counts.</param>
internal readonly record struct QuorumCall(QuorumSpec Spec, PreferenceList List, ulong Tenure);
