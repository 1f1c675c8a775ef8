using System.Collections.Immutable;
using KvRaft.Topology;

namespace KvRaft.Eventual.Replicas;

/// <summary>
/// The hints by node, in memory beside the stored hints, oldest first. The bytes of the keys bound it: a hint holds no
/// values, and the record it refers to is stored once. Thread-safe.
/// </summary>
internal sealed class HintLedger(EventualLimits limits)
{
    /// <summary>The cost of one hint in memory and in the store beyond its key, which counts twice.</summary>
    private const int OverheadBytes = 128;

    private readonly Lock _lock = new();
    private readonly Dictionary<NodeId, Dictionary<EventualKey, long>> _owed = [];
    private readonly Dictionary<EventualKey, int> _debts = [];
    private long _bytes;
    private long _dropped;
    private TaskCompletionSource _added = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public long ByteCount => Interlocked.Read(ref _bytes);

    /// <summary>Hints not kept since the process started, because of the limit of bytes or of age.</summary>
    public long DroppedCount => Interlocked.Read(ref _dropped);

    /// <summary>Completes when a hint is added.</summary>
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

    /// <summary>False if the hint exists already, or the limit is reached.</summary>
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

    /// <summary>Adds a hint that was read from the store.</summary>
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

    /// <summary>Is there a hint for the key?</summary>
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

    /// <summary>Some of the hints for a node.</summary>
    public ImmutableArray<Hint> Take(NodeId node, int count)
    {
        lock (_lock)
        {
            return _owed.TryGetValue(node, out var keys)
                ? [.. keys.Take(count).Select(pair => new Hint(node, pair.Key, pair.Value))]
                : [];
        }
    }

    /// <summary>The hints per node.</summary>
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
