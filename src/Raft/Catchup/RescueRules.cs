using KvRaft.Raft.Log;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Peers;
using KvRaft.Storage;

namespace KvRaft.Raft.Catchup;

/// <summary>Rules for a replica and a leader whose logs do not meet.</summary>
internal static class RescueRules
{
    /// <summary>
    /// Returns whether a log that begins at this position cannot continue ours: it has truncated the entries that we lack. This is not only so if our log ends earlier. Entries
    /// that only a deposed leader has may reach beyond the beginning of its successor's log, and prevent replication there.
    /// </summary>
    public static bool NeedsCopy(GroupLog ours, LogPosition start) =>
        start.Index > ours.Start.Index && (ours.TryPositionAt(start.Index) is not { } position || position != start);

    /// <summary>
    /// A leader's history differs from ours: both have committed an entry at the position where its log begins, and the entries differ; or its log ends before our
    /// commit index. Raft excludes both cases; they occur if an older copy of a directory was accepted.
    /// </summary>
    /// <param name="ours">This replica's log.</param>
    /// <param name="commitIndex">The commit index of this replica before the leader sent its position.</param>
    /// <param name="start">Where the leader's log begins.</param>
    /// <param name="lastIndex">The end of the leader's log.</param>
    public static bool Conflicts(GroupLog ours, long commitIndex, LogPosition start, long lastIndex) =>
        lastIndex < commitIndex || (start.Index <= commitIndex && ours.TryPositionAt(start.Index) is { } position && position != start);

    /// <summary>
    /// The index from which a leader continues with a replica that reported its commit index: the next entry, or the first entry that the leader still has. Whether that one
    /// fits is checked when it is sent; an index below would be requested and never sent.
    /// </summary>
    public static long NextIndex(GroupLog leader, long commitIndex) => Math.Max(commitIndex, leader.Start.Index) + 1;

    /// <summary>
    /// Chooses the node whose state is copied by a replica that lost its own: of the complete replicas that are not behind the start of its log the one that is furthest ahead; among
    /// equals one that does not lead, because the copy delays the leader's writers for a moment. Null: none is available now.
    /// </summary>
    public static GroupVoter? StateSource(long logStart, IReadOnlyList<(GroupVoter Voter, PeerStatus Status)> peers) => peers
        .Where(peer => peer.Status.IsWhole && peer.Status.AppliedIndex >= logStart)
        .OrderByDescending(static peer => peer.Status.AppliedIndex)
        .ThenBy(static peer => peer.Status.IsLeader)
        .Select(static peer => (GroupVoter?)peer.Voter)
        .FirstOrDefault();

    /// <summary>The same as text for an operator.</summary>
    public static string WhyNoSource(long logStart, IReadOnlyList<GroupVoter> others, IReadOnlyList<(GroupVoter Voter, PeerStatus Status)> peers)
    {
        var silent = others.Where(other => peers.All(peer => peer.Voter != other)).Select(static other => other.Node).Order().ToArray();
        var behind = peers.Where(peer => peer.Status.IsWhole && peer.Status.AppliedIndex < logStart).Select(static peer => peer.Voter.Node).Order().ToArray();
        return others.Count == 0 ? "the group has no other replica to copy; nothing was deleted: the data set aside is the only copy"
            : silent.Length > 0 ? $"it waits for a replica to copy; no answer from {string.Join(", ", silent)}"
            : behind.Length > 0 ? $"it waits for {string.Join(", ", behind)} to reach index {logStart}"
            : "every replica of the group has lost its state; nothing was deleted: the data set aside on the nodes is the only copy";
    }
}
