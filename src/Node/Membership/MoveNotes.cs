using System.Collections.Concurrent;
using KvRaft.Topology;

namespace KvRaft.Node.Membership;

/// <summary>What the moves of the shards led here wait for or do, for people. Thread-safe.</summary>
internal sealed class MoveNotes
{
    private readonly ConcurrentDictionary<ShardId, string> _notes = new();

    public void Set(ShardId shard, string note) => _notes[shard] = note;

    /// <summary>Empty: there is no move, or nobody looked yet.</summary>
    public string Of(ShardId shard) => _notes.GetValueOrDefault(shard, "");
}
