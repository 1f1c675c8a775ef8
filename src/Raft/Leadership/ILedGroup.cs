using KvRaft.Raft.Membership;

namespace KvRaft.Raft.Leadership;

/// <summary>A replica whose leadership is watched, handed over and searched for.</summary>
internal interface ILedGroup : IGroup
{
    /// <summary>Raised after leadership was won, confirmed or lost, or another leader became known.</summary>
    event Action? LeadershipChanged;

    LeaderWatch Leaders { get; }

    LeaderSearch Search { get; }

    /// <summary>The term this process won and leads in.</summary>
    long LeadingTerm { get; }

    bool MayLead { get; }

    /// <summary>The clock of this node is wrong.</summary>
    bool IsNodeSkewed { get; }

    Task<bool> TransferLeadershipAsync(GroupVoter to, CancellationToken cancellationToken);
}
