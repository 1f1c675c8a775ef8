using System.Collections.Concurrent;
using KvRaft.Topology;

namespace KvRaft.Eventual.Coordinators;

/// <summary>
/// Which nodes are not worth waiting for. A node that failed is suspected: requests take it for failed at once, so that a partition costs
/// each write one time-out in all and not one each; only one request in every <see cref="ProbeInterval"/> still tries it, and the first
/// that succeeds clears it. Thread-safe.
/// </summary>
internal sealed class PeerSuspicion(TimeProvider time)
{
    /// <summary>How soon a healed partition is noticed by traffic, against how often somebody waits for a dead node: two a second.</summary>
    public static readonly TimeSpan ProbeInterval = TimeSpan.FromMilliseconds(500);

    private readonly ConcurrentDictionary<NodeId, long> _nextProbe = new();
    private readonly ConcurrentDictionary<NodeId, long> _lastAnswer = new();
    private TaskCompletionSource _cleared = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when some node that was suspected answers again.</summary>
    public Task Cleared => Volatile.Read(ref _cleared).Task;

    public bool IsSuspected(NodeId node) => _nextProbe.ContainsKey(node);

    /// <summary>
    /// Can the quorum only be reached with suspects? Then they are asked: suspicion saves time where others are enough, and must not refuse what a
    /// slow node could still do.
    /// </summary>
    public bool AreNeeded(IEnumerable<NodeId> asked, int wanted) => asked.Count(node => !IsSuspected(node)) < wanted;

    /// <summary>Is the node to be asked? Of a suspected one only if it is time for a probe, and then by one caller.</summary>
    public bool MayAsk(NodeId node)
    {
        if (!_nextProbe.TryGetValue(node, out var due))
        {
            return true;
        }

        var now = time.GetTimestamp();
        return now >= due && _nextProbe.TryUpdate(node, After(now), due);
    }

    public void Failed(NodeId node) => _nextProbe[node] = After(time.GetTimestamp());

    /// <summary>Did the node answer somebody just now?</summary>
    public bool HasAnsweredWithin(NodeId node, TimeSpan span) =>
        _lastAnswer.TryGetValue(node, out var at) && !IsSuspected(node) && time.GetElapsedTime(at) <= span;

    public void Answered(NodeId node)
    {
        _lastAnswer[node] = time.GetTimestamp();
        if (_nextProbe.TryRemove(node, out _))
        {
            Interlocked.Exchange(ref _cleared, new(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
        }
    }

    private long After(long now) => now + (long)(ProbeInterval.TotalSeconds * time.TimestampFrequency);
}
