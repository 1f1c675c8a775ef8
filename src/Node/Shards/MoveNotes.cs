using System.Collections.Concurrent;
using KvRaft.Topology;

namespace KvRaft.Node.Shards;

/// <summary>The present wait or step of the moves of the shards led here, for operators. Thread-safe.</summary>
internal sealed class MoveNotes
{
    private readonly ConcurrentDictionary<ShardId, string> _notes = new();
    private readonly ConcurrentDictionary<ShardId, string> _kept = new();

    public void Set(ShardId shard, string note) => _notes[shard] = note;

    /// <summary>Why a replica of this node is not deleted although the shard map does not name it; empty: that has ended, or there is none.</summary>
    public void SetKept(ShardId shard, string why)
    {
        if (why.Length > 0)
        {
            _kept[shard] = why;
        }
        else
        {
            _kept.TryRemove(shard, out _);
        }
    }

    /// <summary>Null: no replica of the shard is kept here against the shard map.</summary>
    public string? KeptBecause(ShardId shard) => _kept.GetValueOrDefault(shard);

    /// <summary>Empty: there is no move, or it was not checked yet.</summary>
    public string Of(ShardId shard) => _notes.GetValueOrDefault(shard, "");
}
