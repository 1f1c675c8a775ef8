using System.Net;
using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Log;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Transport;
using KvRaft.Topology;

namespace KvRaft.Raft.Reads;

/// <summary>
/// The proof that a leader needs before it answers a read: no other leader was elected before the proof began. One proof is a heartbeat that a majority accepts
/// (Ongaro's dissertation, section 6.4), because a replica that accepts it has not voted in a later term. A quorum confirmation is another: a majority confirms that it has seen no higher term.
/// The confirmation for all groups that two nodes share is one message (<see cref="TermWitness"/>), but heartbeats are sent per group: a read in each of
/// 64 groups is two messages to a node instead of 128.
/// <para>
/// A voter moves to a later term before it votes in it, durably before it sends the vote. So if a majority was not beyond the term when queried, no majority
/// had voted for a later leader when the query was sent, and all writes acknowledged until then were committed by this leader or an earlier one. The voters
/// are those whose heartbeats the library counts; they change one at a time, as with heartbeats.
/// </para>
/// <para>One query at a time.</para>
/// </summary>
internal sealed class TermQuorum(RaftCluster cluster, Func<NodeId, TermWitness> witnesses)
{
    /// <summary>A name is a URI, and is parsed once; a group has seven replicas at most and one more during a move, so if the cache has more, the others were removed.</summary>
    private const int KnownMax = 32;

    private readonly Dictionary<EndPoint, (NodeId Node, ReplicaKey Replica)> _known = new(ReferenceEqualityComparer.Instance);

    /// <summary>
    /// True: together with this replica a majority of the voters has seen no higher term than this one, which must be one that this replica won; the caller checks this replica's own term afterwards.
    /// False, after a short time: the quorum confirmation failed.
    /// </summary>
    public Task<bool> HoldsAsync(long term)
    {
        var (voters, isVoter) = (new List<(NodeId Node, ReplicaKey Replica)>(), false);
        foreach (var member in cluster.Members)
        {
            if (!member.IsRemote)
            {
                isVoter = true;
            }
            else if (Parse(member.EndPoint) is { } voter)
            {
                voters.Add(voter);
            }
            else
            {
                return Task.FromResult(false);
            }
        }

        var needed = (voters.Count + 1) / 2;
        if (!isVoter || needed == 0)
        {
            return Task.FromResult(isVoter);
        }

        // All of them: to query only as many as needed, and the others if those are slow, was no cheaper under load and is worse if one is slow.
        var poll = new TermPoll(voters.Count, needed);
        foreach (var (node, replica) in voters)
        {
            witnesses(node).Ask(new TermQuestion(replica, term), poll);
        }

        return poll.Result;
    }

    private (NodeId Node, ReplicaKey Replica)? Parse(EndPoint name)
    {
        if (_known.TryGetValue(name, out var known))
        {
            return known;
        }

        if (!ReplicaEndPoint.TryParse(name, out var node, out var replica))
        {
            return null;
        }

        if (_known.Count >= KnownMax)
        {
            _known.Clear();
        }

        return _known[name] = (node, replica);
    }
}
