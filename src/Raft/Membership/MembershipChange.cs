namespace KvRaft.Raft.Membership;

/// <summary>What became of a change of a group's members.</summary>
public enum MembershipChange
{
    /// <summary>It is in force: the members in memory are those on disk, and a majority of them has answered since.</summary>
    Done,

    /// <summary>This replica does not lead, or ceased to. The change may be in force; the members tell.</summary>
    NotLeader,

    /// <summary>An earlier change is not in force everywhere it must be. Nothing was done.</summary>
    Unsettled,

    /// <summary>The replica to be added did not follow, or the members are as wished already. Nothing was done.</summary>
    NotTaken,

    /// <summary>The time allowed ended. The change may be in force, or come into force yet; the members tell.</summary>
    Unknown,
}
