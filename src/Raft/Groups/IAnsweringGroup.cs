using KvRaft.Raft.Catchup;
using KvRaft.Raft.Digests;
using KvRaft.Raft.Leadership;
using KvRaft.Raft.Log;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Peers;
using KvRaft.Topology;

namespace KvRaft.Raft.Groups;

/// <summary>A replica that answers the requests of other nodes (<see cref="PeerServer"/>). Members may be called from any thread.</summary>
internal interface IAnsweringGroup : IComparedGroup
{
    CheckpointCache Checkpoints { get; }

    LeadershipTransfer Transfer { get; }

    LeaderWatch Leaders { get; }

    PeerStatus PeerStatus();

    /// <exception cref="PeerRequestException">The log begins later.</exception>
    /// <exception cref="HistoryDiffersException">The entry before the first one has another term here.</exception>
    IReadOnlyList<LogEntry> ReadCommitted(long from, long upTo, long previousTerm);

    /// <exception cref="PeerRequestException">This replica does not lead, or no majority follows it.</exception>
    Task<LeaderProof> ProveLeadershipAsync(CancellationToken cancellationToken);

    /// <exception cref="PeerRequestException">This replica does not lead, no majority follows it, or its members are about to change.</exception>
    Task<MembersProof> ProveMembersAsync(CancellationToken cancellationToken);

    /// <summary>This replica itself takes part and has voted in no later term.</summary>
    bool IsStillIn(TermQuestion question);

    /// <summary>Another replica catches up, or has just caught up.</summary>
    void OnLeased(NodeId node, long index, bool isDone);

    /// <summary>The leader no longer has the entries that follow this replica's log.</summary>
    void OnBehind();

    /// <summary>Another replica has not received that this one leads.</summary>
    void OnGreeted();

    /// <summary>A member that needs entries below our log start reports its position. True if this replica leads and recorded it.</summary>
    bool OnNudged(GroupVoter voter, long commitIndex);
}
