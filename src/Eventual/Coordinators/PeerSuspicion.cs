using System.Collections.Concurrent;
using KvRaft.Topology;

namespace KvRaft.Eventual.Coordinators;

/// <summary>
/// The nodes that are suspected to be down. A node that failed is suspected: requests count it as failed at once, so that a partition costs
/// one timeout in all and not one per write. One request in every <see cref="ProbeInterval"/> still tries the node, and the first
/// success ends the suspicion. Thread-safe.
/// </summary>
internal sealed class PeerSuspicion(TimeProvider time)
{
    /// <summary>A trade-off: how soon traffic detects a healed partition, and how often a request waits for a dead node. Two a second.</summary>
    public static readonly TimeSpan ProbeInterval = TimeSpan.FromMilliseconds(500);

    private readonly ConcurrentDictionary<NodeId, long> _nextProbe = new();
    private readonly ConcurrentDictionary<NodeId, long> _lastAnswer = new();
    private TaskCompletionSource _cleared = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when a suspected node answers again.</summary>
    public Task Cleared => Volatile.Read(ref _cleared).Task;

    public bool IsSuspected(NodeId node) => _nextProbe.ContainsKey(node);

    /// <summary>
    /// Can the quorum be reached only with suspected nodes? Then they receive the request: suspicion saves time if others are enough, and must not refuse
    /// what a
    /// slow node could still do.
    /// </summary>
    public bool AreNeeded(IEnumerable<NodeId> asked, int wanted) => asked.Count(node => !IsSuspected(node)) < wanted;

    /// <summary>May a request go to the node? To a suspected node only if a probe is due, and then from one caller.</summary>
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

    /// <summary>Has the node answered any request within this time?</summary>
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
