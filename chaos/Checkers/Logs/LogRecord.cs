namespace KvRaft.Chaos.Checkers;

/// <summary>An entry that the log of one node contains, or once contained.</summary>
/// <param name="Node">The node of the log.</param>
/// <param name="Group">The Raft group.</param>
/// <param name="Index">Its index in the group's log, from 1.</param>
/// <param name="Term">The term of the leader that created it.</param>
/// <param name="Content">Kind, length and checksum of the payload, as text: equal for equal entries.</param>
public sealed record LogRecord(string Node, int Group, long Index, long Term, string Content)
{
    /// <summary>The log was truncated before it, or began anew at a checkpoint: the replica does not have it any more, and never had to apply it.</summary>
    public bool IsDiscarded { get; init; }
}
