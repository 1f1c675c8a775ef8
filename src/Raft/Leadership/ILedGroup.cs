using KvRaft.Raft.Membership;

namespace KvRaft.Raft.Leadership;

/// <summary>A replica whose leadership is watched, transferred and searched for.</summary>
internal interface ILedGroup : IGroup
{
    /// <summary>Raised after leadership was won, confirmed or lost, or after the leader changed.</summary>
    event Action? LeadershipChanged;

    LeaderWatch Leaders { get; }

    LeaderSearch Search { get; }

    /// <summary>The term that this process won and in which it leads.</summary>
    long LeadingTerm { get; }

    bool MayLead { get; }

    /// <summary>The clock of this node is wrong.</summary>
    bool IsNodeSkewed { get; }

    Task<bool> TransferLeadershipAsync(GroupVoter to, CancellationToken cancellationToken);
}
