using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using KvRaft.Raft.Groups;
using KvRaft.Raft.Log;
using KvRaft.Raft.Membership;
using KvRaft.Topology;

namespace KvRaft.Raft.Tests.Groups;

/// <summary>
/// Proves at every commit that a majority of the voters holds the entry on disk with the same term. It reads the logs of all
/// nodes of the process, including those that are down: their synced data is on their disks.
/// <para>
/// The voters are those that the committing replica counts. A round may have begun just before they changed, so the first commit after a
/// change may be proven by the previous voters; at most one change lies between two commits of a leader, because a change is a commit. If
/// voters change, only leaders are checked: a follower receives a commit index before it receives the members that decided it.
/// </para>
/// </summary>
internal sealed class CommitProof
{
    private readonly ConcurrentDictionary<(NodeId Node, GroupId Group, int Incarnation), GroupLog> _logs = new();
    /// <summary>Weak: a replica that was stopped must not keep the memory of its log.</summary>
    private readonly ConditionalWeakTable<RaftGroup, IReadOnlyList<GroupVoter>> _before = [];

    private readonly ConcurrentDictionary<GroupId, bool> _changing = new();
    private readonly ConcurrentQueue<string> _violations = new();
    private long _checked;
    private long _straddled;

    public long Checked => Interlocked.Read(ref _checked);

    /// <summary>Commits that only the voters before a change prove.</summary>
    public long Straddled => Interlocked.Read(ref _straddled);

    public IReadOnlyCollection<string> Violations => _violations;

    public void Track(NodeId node, RaftGroup group) => _logs[(node, group.Id, group.Incarnation)] = group.Log;

    /// <summary>From now on the group's voters may change.</summary>
    public void ExpectChanges(GroupId group) => _changing[group] = true;

    public void OnCommit(NodeId node, RaftGroup group, long index)
    {
        Track(node, group);
        if (_changing.ContainsKey(group.Id) && group.Cluster.Leader is not { IsRemote: false })
        {
            return;
        }

        var voters = group.Voters();
        var before = _before.TryGetValue(group, out var earlier) ? earlier : voters;
        _before.AddOrUpdate(group, voters);
        var term = group.Log.TermAt(index);
        Interlocked.Increment(ref _checked);
        if (IsProven(voters, group.Id, index, term))
        {
            return;
        }

        if (!before.SequenceEqual(voters) && IsProven(before, group.Id, index, term))
        {
            Interlocked.Increment(ref _straddled);
            return;
        }

        _violations.Enqueue($"{node} committed {index}@{term} of group {group.Id}; no majority of {string.Join(", ", voters)} holds it");
    }

    private bool IsProven(IReadOnlyList<GroupVoter> voters, GroupId group, long index, long term) =>
        voters.Count(voter => _logs.TryGetValue((voter.Node, group, voter.Incarnation), out var log) && Holds(log, index, term)) > voters.Count / 2;

    private static bool Holds(GroupLog log, long index, long term)
    {
        if (log.Start.Index >= index)
        {
            return true;
        }

        if (log.DurableIndex < index)
        {
            return false;
        }

        try
        {
            return log.TermAt(index) == term;
        }
        catch (ArgumentOutOfRangeException)
        {
            // Its start moved past the index during the check: the entry was committed and durable there.
            return log.Start.Index >= index;
        }
    }
}
