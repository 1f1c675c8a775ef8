namespace KvRaft.Raft.Log;

/// <summary>
/// Counts the payload bytes that all groups keep in memory. If they exceed the budget, the groups in turn release half of
/// their payloads. This keeps each group's newest entries, which followers request most, without
/// bookkeeping per entry.
/// </summary>
internal sealed class TailCache(long bytesMax)
{
    private long _bytes;
    private int _next;

    public long Bytes => Interlocked.Read(ref _bytes);

    public void Added(int bytes) => Interlocked.Add(ref _bytes, bytes);

    public void Removed(int bytes) => Interlocked.Add(ref _bytes, -bytes);

    /// <summary>Reduces the sum below the budget as far as durable entries allow. The writer's thread only.</summary>
    public void Trim(IReadOnlyList<GroupLog> groups)
    {
        for (var idle = 0; Bytes > bytesMax && idle < groups.Count;)
        {
            _next = (_next + 1) % groups.Count;
            idle = groups[_next].ReleaseHalf() ? 0 : idle + 1;
        }
    }
}
