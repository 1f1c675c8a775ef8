namespace KvRaft.Chaos.Checkers;

/// <summary>An entry as one node's log holds, or once held, it.</summary>
/// <param name="Node">Whose log.</param>
/// <param name="Group">The Raft group.</param>
/// <param name="Index">Its place in the group's log, from 1.</param>
/// <param name="Term">The term of the leader that made it.</param>
/// <param name="Content">Kind, length and checksum of the payload, as text: equal for equal entries.</param>
public sealed record LogRecord(string Node, int Group, long Index, long Term, string Content);
