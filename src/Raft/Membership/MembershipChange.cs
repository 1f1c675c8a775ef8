namespace KvRaft.Raft.Membership;

/// <summary>The result of a change of a group's members.</summary>
public enum MembershipChange
{
    /// <summary>It is in force: the members in memory equal those on disk, and a majority of them has answered since.</summary>
    Done,

    /// <summary>This replica does not lead, or stopped leading. The change may be in force; read the members to find out.</summary>
    NotLeader,

    /// <summary>An earlier change is not completely in force. Nothing was done.</summary>
    Unsettled,

    /// <summary>The replica to be added did not follow, or the members are as requested already. Nothing was done.</summary>
    NotTaken,

    /// <summary>The time limit passed. The change may be in force, or come into force later; read the members to find out.</summary>
    Unknown,
}
