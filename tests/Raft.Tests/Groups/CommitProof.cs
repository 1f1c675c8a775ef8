using System.Collections.Concurrent;
using KvRaft.Raft.Log;
using KvRaft.Topology;

namespace KvRaft.Raft.Tests.Groups;

/// <summary>
/// Proves at every commit, on every node, that a majority of the voters holds the entry on disk with the same term. It looks
/// into the logs of all nodes of the process, also of those that are down: what they had synced is on their disks.
/// </summary>
internal sealed class CommitProof
{
    private readonly ConcurrentDictionary<(NodeId Node, GroupId Group), GroupLog> _logs = new();
    private readonly ConcurrentQueue<string> _violations = new();
    private readonly int _voters;
    private long _checked;

    public CommitProof(int voters) => _voters = voters;

    public long Checked => Interlocked.Read(ref _checked);

    public IReadOnlyCollection<string> Violations => _violations;

    public void Track(NodeId node, RaftGroup group) => _logs[(node, group.Id)] = group.Log;

    public void OnCommit(NodeId node, RaftGroup group, long index)
    {
        _logs.TryAdd((node, group.Id), group.Log);
        var term = group.Log.TermAt(index);
        var holders = _logs.Where(entry => entry.Key.Group == group.Id && Holds(entry.Value, index, term)).Select(entry => entry.Key.Node).ToArray();
        Interlocked.Increment(ref _checked);
        if (holders.Length <= _voters / 2)
        {
            _violations.Enqueue($"{node} committed {index}@{term} of group {group.Id}, held by {holders.Length} of {_voters}: {string.Join(", ", holders)}");
        }
    }

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
            // Its start moved past the index while we looked: it was committed and durable there.
            return log.Start.Index >= index;
        }
    }
}
