namespace KvRaft.Raft.Groups;

/// <summary>How far another node's replica is, as it says itself.</summary>
/// <param name="Incarnation">Which replica answered.</param>
/// <param name="IsMember">It knows itself to be a voter of its group.</param>
/// <param name="LastIndex">The end of its log.</param>
/// <param name="CommitIndex">What it knows to be committed.</param>
/// <param name="AppliedIndex">What its state holds.</param>
public sealed record ReplicaReport(int Incarnation, bool IsMember, long LastIndex, long CommitIndex, long AppliedIndex);
