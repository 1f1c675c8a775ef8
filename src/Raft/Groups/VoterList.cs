using System.Net;
using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Transport;
using KvRaft.Topology;

namespace KvRaft.Raft.Groups;

/// <summary>The voters of a group in one replica's view: those in force, and those on its disk. Thread-safe.</summary>
/// <param name="cluster">Has the members in force.</param>
/// <param name="members">Has the members on disk.</param>
/// <param name="firstVoters">Those that the replica was opened with.</param>
/// <param name="identity">The replica itself.</param>
/// <param name="self">Its node.</param>
internal sealed class VoterList(RaftCluster cluster, MemberStorage members, IReadOnlyList<GroupVoter> firstVoters, EndPoint identity, NodeId self)
{
    private volatile Known? _known;

    /// <summary>The voters in this replica's view, by node name.</summary>
    public IReadOnlyList<GroupVoter> InForce() =>
    [
        .. cluster.Members
            .Select(member => ReplicaEndPoint.TryParse(member.EndPoint, out var node, out var key) ? new GroupVoter(node, key.Incarnation) : default)
            .OrderBy(voter => voter.Node),
    ];

    /// <summary>The nodes of the voters in this replica's view; for a learner, or a replica that does not run yet, those it was opened with.</summary>
    public IReadOnlyCollection<NodeId> Nodes()
    {
        // DotNext makes a new collection for each change.
        var present = cluster.Members;
        if (_known is not { } known || !ReferenceEquals(known.Members, present))
        {
            NodeId[] nodes = [.. InForce().Select(static voter => voter.Node)];
            _known = known = new(present, nodes.Length > 0 ? nodes : [.. firstVoters.Select(static voter => voter.Node)]);
        }

        return known.Nodes;
    }

    /// <summary>
    /// The other voters, from the member list on disk: the list exists before the cluster runs. A learner that has no list yet, and a replica whose list is damaged, use the voters
    /// they were opened with.
    /// </summary>
    public async Task<IReadOnlyList<GroupVoter>> OthersOnDiskAsync(CancellationToken cancellationToken)
    {
        if (members.IsDamaged)
        {
            return OtherFirstVoters();
        }

        var configuration = await members.LoadConfigurationAsync(cancellationToken).ConfigureAwait(false);
        var voters = new List<GroupVoter>();
        foreach (var member in configuration.Members)
        {
            if (!ReplicaEndPointComparer.Instance.Equals(member, identity) && ReplicaEndPoint.TryParse(member, out var node, out var key))
            {
                voters.Add(new GroupVoter(node, key.Incarnation));
            }
        }

        return voters.Count > 0 || configuration.Members.Count > 0
            ? voters
            : OtherFirstVoters();
    }

    private IReadOnlyList<GroupVoter> OtherFirstVoters() => [.. firstVoters.Where(voter => voter.Node != self)];

    private sealed record Known(IReadOnlyCollection<RaftClusterMember> Members, NodeId[] Nodes);
}
