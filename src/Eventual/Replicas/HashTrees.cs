using KvRaft.Eventual.Trees;
using KvRaft.Topology;

namespace KvRaft.Eventual.Replicas;

/// <summary>The trees of all keyspaces and token ranges of a replica; a missing tree is the tree of an empty token range. Thread-safe.</summary>
internal sealed class HashTrees
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(KeyspaceId Keyspace, int TokenRange), TokenRangeTree> _trees = [];

    public ulong Replace(LeafPlace place, ulong before, ulong after)
    {
        lock (_lock)
        {
            return Tree(place).Replace(place.Bucket, before, after);
        }
    }

    public void Load(LeafPlace place, ulong hash)
    {
        lock (_lock)
        {
            Tree(place).Set(place.Bucket, hash);
        }
    }

    /// <summary>One for each token range.</summary>
    public ulong[] Roots(KeyspaceId keyspace)
    {
        lock (_lock)
        {
            return [.. Enumerable.Range(0, LeafPlace.TokenRanges).Select(range => _trees.TryGetValue((keyspace, range), out var tree) ? tree.Root : 0)];
        }
    }

    /// <summary>One for each bucket of a token range.</summary>
    public ulong[] Buckets(KeyspaceId keyspace, int range)
    {
        lock (_lock)
        {
            return _trees.TryGetValue((keyspace, range), out var tree) ? tree.Buckets.ToArray() : new ulong[LeafPlace.Buckets];
        }
    }

    public void Forget(KeyspaceId keyspace)
    {
        lock (_lock)
        {
            foreach (var place in _trees.Keys.Where(place => place.Keyspace == keyspace).ToArray())
            {
                _trees.Remove(place);
            }
        }
    }

    /// <summary>Keyspaces with records here.</summary>
    public KeyspaceId[] Keyspaces()
    {
        lock (_lock)
        {
            return [.. _trees.Where(static pair => pair.Value.Root != 0).Select(static pair => pair.Key.Keyspace).Distinct().Order()];
        }
    }

    private TokenRangeTree Tree(LeafPlace place)
    {
        if (!_trees.TryGetValue((place.Keyspace, place.TokenRange), out var tree))
        {
            _trees.Add((place.Keyspace, place.TokenRange), tree = new TokenRangeTree());
        }

        return tree;
    }
}
