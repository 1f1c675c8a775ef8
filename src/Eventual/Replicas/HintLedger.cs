using System.Collections.Immutable;
using KvRaft.Topology;

namespace KvRaft.Eventual.Replicas;

/// <summary>
/// What is owed to whom, in memory beside the stored hints, oldest first. Bounded by count of bytes of the keys: hints themselves hold no
/// values, the record they point to is there once. Thread-safe.
/// </summary>
internal sealed class HintLedger(EventualLimits limits)
{
    /// <summary>What one hint costs in memory and in the store beyond its key, twice.</summary>
    private const int OverheadBytes = 128;

    private readonly Lock _lock = new();
    private readonly Dictionary<NodeId, Dictionary<EventualKey, long>> _owed = [];
    private readonly Dictionary<EventualKey, int> _debts = [];
    private long _bytes;
    private long _dropped;
    private TaskCompletionSource _added = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public long ByteCount => Interlocked.Read(ref _bytes);

    /// <summary>Hints that were not kept since the process started, for want of room or for their age.</summary>
    public long DroppedCount => Interlocked.Read(ref _dropped);

    /// <summary>Completes when something more is owed.</summary>
    public Task Added
    {
        get
        {
            lock (_lock)
            {
                return _added.Task;
            }
        }
    }

    /// <summary>False if it is owed already, or there is no room.</summary>
    public bool TryAdd(NodeId node, EventualKey key, long nowMs)
    {
        lock (_lock)
        {
            if (_owed.TryGetValue(node, out var keys) && keys.ContainsKey(key))
            {
                return false;
            }

            if (_bytes + CostOf(key) > limits.HintBytesMax)
            {
                Interlocked.Increment(ref _dropped);
                return false;
            }

            Load(node, key, nowMs);
            _added.TrySetResult();
            _added = new(TaskCreationOptions.RunContinuationsAsynchronously);
            return true;
        }
    }

    /// <summary>For loading what was stored.</summary>
    public void Load(NodeId node, EventualKey key, long sinceMs)
    {
        lock (_lock)
        {
            if (!_owed.TryGetValue(node, out var keys))
            {
                _owed.Add(node, keys = []);
            }

            keys.Add(key, sinceMs);
            _debts[key] = _debts.GetValueOrDefault(key) + 1;
            _bytes += CostOf(key);
        }
    }

    public bool Remove(NodeId node, EventualKey key)
    {
        lock (_lock)
        {
            if (!_owed.TryGetValue(node, out var keys) || !keys.Remove(key))
            {
                return false;
            }

            if (keys.Count == 0)
            {
                _owed.Remove(node);
            }

            if (--_debts[key] == 0)
            {
                _debts.Remove(key);
            }

            _bytes -= CostOf(key);
            return true;
        }
    }

    /// <summary>Is the key owed to anybody?</summary>
    public bool Has(EventualKey key)
    {
        lock (_lock)
        {
            return _debts.ContainsKey(key);
        }
    }

    public void Forget(KeyspaceId keyspace)
    {
        lock (_lock)
        {
            foreach (var (node, keys) in _owed.ToArray())
            {
                foreach (var key in keys.Keys.Where(key => key.Keyspace == keyspace).ToArray())
                {
                    Remove(node, key);
                }
            }
        }
    }

    public void CountDropped() => Interlocked.Increment(ref _dropped);

    /// <summary>Some of what is owed to a node.</summary>
    public ImmutableArray<Hint> Take(NodeId node, int count)
    {
        lock (_lock)
        {
            return _owed.TryGetValue(node, out var keys)
                ? [.. keys.Take(count).Select(pair => new Hint(node, pair.Key, pair.Value))]
                : [];
        }
    }

    /// <summary>By node.</summary>
    public ImmutableArray<HintBacklog> Backlogs()
    {
        lock (_lock)
        {
            return
            [
                .. _owed.OrderBy(static pair => pair.Key)
                    .Select(static pair => new HintBacklog(pair.Key, pair.Value.Count, pair.Value.Values.Min())),
            ];
        }
    }

    private static long CostOf(EventualKey key) => key.Key.Length + OverheadBytes;
}
