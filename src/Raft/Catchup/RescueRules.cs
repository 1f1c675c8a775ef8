using KvRaft.Raft.Log;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Peers;
using KvRaft.Storage;

namespace KvRaft.Raft.Catchup;

/// <summary>How a replica and a leader whose logs do not meet find together again.</summary>
internal static class RescueRules
{
    /// <summary>
    /// A log that begins at this position cannot be gone on from in ours: it has forgotten what we lack. Not only because ours ends earlier. What a leader
    /// that was deposed has appended and nobody else has may reach beyond the beginning of its successor's log, and is in the way there.
    /// </summary>
    public static bool NeedsCopy(GroupLog ours, LogPosition start) =>
        start.Index > ours.Start.Index && (ours.TryPositionAt(start.Index) is not { } position || position != start);

    /// <summary>
    /// A leader's history is not ours: both have committed an entry at the position where its log begins, and not the same one, or its log ends before what is committed
    /// here. Raft excludes both; an older copy of a directory that was believed does not.
    /// </summary>
    /// <param name="ours">This replica's log.</param>
    /// <param name="commitIndex">What was committed here before the leader said where it stands.</param>
    /// <param name="start">Where the leader's log begins.</param>
    /// <param name="lastIndex">Where it ends.</param>
    public static bool Conflicts(GroupLog ours, long commitIndex, LogPosition start, long lastIndex) =>
        lastIndex < commitIndex || (start.Index <= commitIndex && ours.TryPositionAt(start.Index) is { } position && position != start);

    /// <summary>
    /// Where a leader goes on with a replica that tells how far it is committed: what follows that, or the first entry that the leader still has. Whether that one
    /// fits on is found out by sending it; an index below would be asked for and never sent.
    /// </summary>
    public static long NextIndex(GroupLog leader, long commitIndex) => Math.Max(commitIndex, leader.Start.Index) + 1;

    /// <summary>
    /// Whose state a replica takes over that lost its own: of those that are whole and not behind the start of its log the one that is furthest ahead, among
    /// equals one that does not lead, because making the copy holds up its writers for a moment. Null: none can be had now.
    /// </summary>
    public static GroupVoter? StateSource(long logStart, IReadOnlyList<(GroupVoter Voter, PeerStatus Status)> peers) => peers
        .Where(peer => peer.Status.IsWhole && peer.Status.AppliedIndex >= logStart)
        .OrderByDescending(static peer => peer.Status.AppliedIndex)
        .ThenBy(static peer => peer.Status.IsLeader)
        .Select(static peer => (GroupVoter?)peer.Voter)
        .FirstOrDefault();

    /// <summary>The same in words, for people who have to help.</summary>
    public static string WhyNoSource(long logStart, IReadOnlyList<GroupVoter> others, IReadOnlyList<(GroupVoter Voter, PeerStatus Status)> peers)
    {
        var silent = others.Where(other => peers.All(peer => peer.Voter != other)).Select(static other => other.Node).Order().ToArray();
        var behind = peers.Where(peer => peer.Status.IsWhole && peer.Status.AppliedIndex < logStart).Select(static peer => peer.Voter.Node).Order().ToArray();
        return others.Count == 0 ? "the group has no other replica to copy; nothing was deleted, what was set aside is all there is"
            : silent.Length > 0 ? $"it waits for a replica to copy; no answer from {string.Join(", ", silent)}"
            : behind.Length > 0 ? $"it waits for {string.Join(", ", behind)} to reach index {logStart}"
            : "every replica of the group has lost its state; nothing was deleted, what was set aside on the nodes is all there is";
    }
}
