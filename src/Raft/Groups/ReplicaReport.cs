namespace KvRaft.Raft.Groups;

/// <summary>The progress of another node's replica, as reported by that node.</summary>
/// <param name="Incarnation">The replica that answered.</param>
/// <param name="IsMember">It is a voter of its group in its own view.</param>
/// <param name="LastIndex">The end of its log.</param>
/// <param name="CommitIndex">Its commit index.</param>
/// <param name="AppliedIndex">The index up to which its state is applied.</param>
public sealed record ReplicaReport(int Incarnation, bool IsMember, long LastIndex, long CommitIndex, long AppliedIndex);
