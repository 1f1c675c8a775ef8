using System.Collections.Concurrent;
using KvRaft.Topology;

namespace KvRaft.Raft.Catchup;

/// <summary>
/// The nodes that catch up with this group, and the index from which on each needs entries. They renew their leases while they fetch a checkpoint, install it and
/// follow up; a node that ends or is cut off loses its lease after <see cref="Duration"/>. Thread-safe.
/// </summary>
internal sealed class EntryLeases(TimeProvider time)
{
    /// <summary>Six renewals: a copy loads disk and network, so a few messages may be late.</summary>
    public static readonly TimeSpan Duration = 6 * EntryLease.Period;

    private readonly ConcurrentDictionary<NodeId, (long Index, long At)> _held = new();

    public bool AreHeld => NeededFrom is not null;

    /// <summary>The lowest index that is held; the entries after it are needed. Null: none.</summary>
    public long? NeededFrom
    {
        get
        {
            long? lowest = null;
            foreach (var (node, held) in _held)
            {
                if (time.GetElapsedTime(held.At) > Duration)
                {
                    _held.TryRemove(new(node, held));
                }
                else if (lowest is null || held.Index < lowest)
                {
                    lowest = held.Index;
                }
            }

            return lowest;
        }
    }

    public void Hold(NodeId node, long index) => _held[node] = (index, time.GetTimestamp());

    public void Release(NodeId node) => _held.TryRemove(node, out _);
}
