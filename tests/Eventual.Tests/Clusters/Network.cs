using KvRaft.Eventual.Coordinators;
using KvRaft.Topology;

namespace KvRaft.Eventual.Tests.Clusters;

/// <summary>The fate of one message.</summary>
internal enum Fate
{
    Delivered,

    /// <summary>It never arrives.</summary>
    Lost,

    /// <summary>It arrives and is executed, but its answer is lost.</summary>
    AnswerLost,

    /// <summary>The sender times out; the message arrives later, after newer ones.</summary>
    Late,

    /// <summary>It arrives, and once more later.</summary>
    Twice,
}

/// <summary>Method calls between members of a cluster, which can be cut, lost, duplicated and delayed. Thread-safe.</summary>
internal sealed class Network
{
    private readonly Lock _lock = new();
    private readonly HashSet<(NodeId From, NodeId To)> _cut = [];
    private readonly List<Func<Task>> _late = [];

    /// <summary>Decides about each message; null: all are delivered.</summary>
    public Func<NodeId, NodeId, Fate>? Decide { get; set; }

    public void Partition(IReadOnlyList<NodeId> nodes, Func<NodeId, int> sideOf) => Cut(nodes, (from, to) => sideOf(from) != sideOf(to));

    public void Cut(IReadOnlyList<NodeId> nodes, Func<NodeId, NodeId, bool> isCut)
    {
        lock (_lock)
        {
            _cut.Clear();
            foreach (var from in nodes)
            {
                _cut.UnionWith(nodes.Where(to => isCut(from, to)).Select(to => (from, to)));
            }
        }
    }

    public void Heal()
    {
        lock (_lock)
        {
            _cut.Clear();
        }
    }

    public bool IsCut(NodeId from, NodeId to)
    {
        lock (_lock)
        {
            return _cut.Contains((from, to));
        }
    }

    /// <summary>A query: it changes nothing, so it is answered or not.</summary>
    public Task<T> AskAsync<T>(NodeId from, NodeId to, Func<Task<T>> call) =>
        FateOf(from, to) is Fate.Delivered or Fate.Twice ? call() : throw new PeerException($"{to} does not answer {from}");

    public async Task SendAsync(NodeId from, NodeId to, Func<Task> call)
    {
        var fate = FateOf(from, to);
        if (fate is Fate.Delivered or Fate.AnswerLost or Fate.Twice)
        {
            await call();
        }

        if (fate is Fate.Late or Fate.Twice)
        {
            lock (_lock)
            {
                _late.Add(call);
            }
        }

        if (fate is Fate.Lost or Fate.AnswerLost or Fate.Late)
        {
            throw new PeerException($"{to} does not answer {from}");
        }
    }

    /// <summary>Delivers the late messages now, in random order.</summary>
    public async Task ArriveAsync(Random chance)
    {
        Func<Task>[] arriving;
        lock (_lock)
        {
            arriving = [.. _late];
            _late.Clear();
        }

        chance.Shuffle(arriving);
        foreach (var call in arriving)
        {
            try
            {
                await call();
            }
            catch (PeerException)
            {
                // Refused; no caller waits for the result.
            }
        }
    }

    private Fate FateOf(NodeId from, NodeId to)
    {
        lock (_lock)
        {
            return _cut.Contains((from, to)) ? Fate.Lost
                : _cut.Contains((to, from)) ? Fate.AnswerLost
                : Decide?.Invoke(from, to) ?? Fate.Delivered;
        }
    }
}
