using System.Net;
using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Log;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Transport;
using KvRaft.Topology;

namespace KvRaft.Raft.Reads;

/// <summary>
/// The proof a leader needs before it answers a read: that no other leader was elected before it began to ask. A heartbeat that a majority takes is one
/// (Ongaro's dissertation, section 6.4), because whoever takes it has not voted in a later term; so is the mere word of a majority that they have not.
/// The word can be had for all groups of two nodes in one message (<see cref="TermWitness"/>), heartbeats are each group's own: a read in each of
/// 64 groups is two messages to a node instead of 128.
/// <para>
/// A voter moves to a later term before it votes in it, durably before anybody hears of the vote. So if a majority was not beyond the term when asked, no majority
/// had voted for a later leader when the question was sent, and whatever was acknowledged until then was committed by this leader or one before it. The voters
/// are those the library counts heartbeats of; changes of them go one at a time, as with heartbeats.
/// </para>
/// <para>One question at a time.</para>
/// </summary>
internal sealed class TermQuorum(RaftCluster cluster, Func<NodeId, TermWitness> witnesses)
{
    /// <summary>A name is a URI, and is parsed once; a group has seven replicas at most and one more while one moves, so more than these were changed away.</summary>
    private const int KnownMax = 32;

    private readonly Dictionary<EndPoint, (NodeId Node, ReplicaKey Replica)> _known = new(ReferenceEqualityComparer.Instance);

    /// <summary>
    /// True: with this replica a majority of the voters is in no later term than this one, which must be one that this replica won; its own word is the caller's to give, by comparing its term afterwards.
    /// False: that could not be had, soon.
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

        // All of them: to ask only as many as are needed, and the others when those are slow, was no cheaper under load and is worse when one is.
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
