using KvRaft.Topology;

namespace KvRaft.Node.Shards;

/// <summary>
/// The replicas that run on this node, by shard. Written only by <see cref="ShardHost"/>, read once or more by every request:
/// an array that is replaced as a whole.
/// </summary>
internal sealed class ShardTable
{
    private volatile ShardReplica?[] _byShard = [];

    /// <summary>Null if this node has no replica of the shard, or it is not open yet.</summary>
    public ShardReplica? Find(ShardId shard)
    {
        var table = _byShard;
        return (uint)shard.Value < (uint)table.Length ? table[shard.Value] : null;
    }

    /// <summary>By shard number.</summary>
    public IEnumerable<ShardReplica> All => _byShard.OfType<ShardReplica>();

    public void Put(ShardReplica replica)
    {
        var table = _byShard;
        var next = new ShardReplica?[Math.Max(table.Length, replica.Shard.Value + 1)];
        table.CopyTo(next, 0);
        next[replica.Shard.Value] = replica;
        _byShard = next;
    }

    public void Remove(ShardId shard)
    {
        if (Find(shard) is null)
        {
            return;
        }

        var next = (ShardReplica?[])_byShard.Clone();
        next[shard.Value] = null;
        _byShard = next;
    }
}
