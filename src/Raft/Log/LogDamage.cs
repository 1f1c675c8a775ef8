namespace KvRaft.Raft.Log;

/// <summary>Why a group's log is not reliable. The numbers are on disk (FORMAT.md).</summary>
internal enum LogDamageKind : byte
{
    /// <summary>A record of the group is lost or unreadable: its own sequence number is missing.</summary>
    LostRecord = 1,

    /// <summary>A record of an unknown owner is lost, and no later record of this group proves that it was not the group's.</summary>
    Unproven = 2,

    /// <summary>Entries above the group's start are not in the remaining files.</summary>
    MissingEntries = 3,

    /// <summary>An entry that was readable at the start failed its checksum in a later read.</summary>
    UnreadableEntry = 4,

    /// <summary>The log has no record of the group, but it lost records of an unknown owner that may have been the group's.</summary>
    MayHaveBeenForgotten = 5,
}

/// <summary>
/// A group's log lost data. The group keeps its provably correct prefix, but its replica must not vote nor count for a
/// quorum until it was rebuilt from a healthy one and <see cref="GroupLog.ClearDamage"/> was called.
/// </summary>
/// <param name="Kind">The kind of the damage.</param>
/// <param name="Segment">Number of the segment in which it was detected.</param>
/// <param name="Offset">Offset of the damage in that segment, bytes.</param>
internal sealed record LogDamage(LogDamageKind Kind, long Segment, long Offset)
{
    public override string ToString() => $"{Kind} at segment {Segment} offset {Offset}";
}

/// <summary>A place in the log whose content is lost although it had been synced.</summary>
/// <param name="Segment">Number of the segment.</param>
/// <param name="Offset">First byte that could not be read as a record.</param>
/// <param name="End">First byte after it; equal to <paramref name="Offset"/> when only the absence of records is known.</param>
/// <param name="Owner">The group of the lost record, if its header was still readable.</param>
/// <param name="Reason">A sentence for the operator.</param>
internal sealed record LogHole(long Segment, long Offset, long End, ReplicaKey? Owner, string Reason)
{
    public override string ToString() => $"segment {Segment} [{Offset}, {End}){(Owner is { } key ? $" of {key}" : "")}: {Reason}";
}
