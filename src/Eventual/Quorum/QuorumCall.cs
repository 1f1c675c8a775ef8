using KvRaft.Topology;

namespace KvRaft.Eventual.Quorum;

/// <summary>The replicas of a read or write, and how many of them it needs.</summary>
/// <param name="List">The replica holders of the key.</param>
/// <param name="Tenure">The tenure as a number; only answers of nodes that report the same tenure count.</param>
internal readonly record struct QuorumCall(QuorumSpec Spec, PreferenceList List, ulong Tenure);
