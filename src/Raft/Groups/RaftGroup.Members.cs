using KvRaft.Raft.Log;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Transport;
using KvRaft.Topology;

namespace KvRaft.Raft.Groups;

// The voters and their changes.
public sealed partial class RaftGroup
{
    /// <summary>On the leader: promotes a replica that follows closely (a learner) to a voter. Raft failures are returned, not thrown.</summary>
    public Task<MembershipChange> AddVoterAsync(GroupVoter voter, CancellationToken cancellationToken) =>
        _membership.ChangeAsync(ReplicaEndPoint.Create(voter.Node, new ReplicaKey(Id, voter.Incarnation)), add: true, cancellationToken);

    /// <summary>On the leader, for another voter: removes the voter. The removed voter is not notified. Raft failures are returned, not thrown.</summary>
    public Task<MembershipChange> RemoveVoterAsync(GroupVoter voter, CancellationToken cancellationToken)
    {
        Invariant.Holds(voter.Node != _host.Options.NodeId, "A leader does not remove itself; it transfers leadership first.");
        return _membership.ChangeAsync(ReplicaEndPoint.Create(voter.Node, new ReplicaKey(Id, voter.Incarnation)), add: false, cancellationToken);
    }

    /// <summary>On the leader: true if <see cref="Voters"/> is in force now and no membership change is in progress.</summary>
    public Task<bool> IsMembershipSettledAsync(CancellationToken cancellationToken) => _membership.IsSettledAsync(cancellationToken);

    /// <summary>The voters in this replica's view, by node name.</summary>
    public IReadOnlyList<GroupVoter> Voters() => _voters.InForce();

    /// <summary>The nodes of the voters in this replica's view; for a learner, or a replica that does not run yet, those it was opened with.</summary>
    internal IReadOnlyCollection<NodeId> VoterNodes() => _voters.Nodes();

    /// <summary>Queries the progress of another node's replica; null if it does not answer.</summary>
    public async Task<ReplicaReport?> AskAsync(GroupVoter voter, CancellationToken cancellationToken) =>
        await _survey.AskAsync(voter, cancellationToken).ConfigureAwait(false) is { } status
            ? new ReplicaReport(status.Incarnation, status.IsMember, status.LastIndex, status.CommitIndex, status.AppliedIndex)
            : null;
}
