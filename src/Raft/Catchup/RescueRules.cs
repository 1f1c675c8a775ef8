using KvRaft.Raft.Log;
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
    /// Where a leader goes on with a replica that tells how far it is committed: what follows that, or the first entry that the leader still has. Whether that one
    /// fits on is found out by sending it; an index below would be asked for and never sent.
    /// </summary>
    public static long NextIndex(GroupLog leader, long commitIndex) => Math.Max(commitIndex, leader.Start.Index) + 1;
}
