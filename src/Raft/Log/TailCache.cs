namespace KvRaft.Raft.Log;

/// <summary>
/// Counts the payload bytes all groups keep in memory and, when they exceed the budget, lets the groups in turn release half of
/// what they hold. Halving keeps each group's newest entries, which are the ones followers still ask for, without any
/// bookkeeping per entry.
/// </summary>
internal sealed class TailCache(long bytesMax)
{
    private long _bytes;
    private int _next;

    public long Bytes => Interlocked.Read(ref _bytes);

    public void Added(int bytes) => Interlocked.Add(ref _bytes, bytes);

    public void Removed(int bytes) => Interlocked.Add(ref _bytes, -bytes);

    /// <summary>Brings the sum below the budget as far as durable entries can. The writer's thread only.</summary>
    public void Trim(IReadOnlyList<GroupLog> groups)
    {
        for (var idle = 0; Bytes > bytesMax && idle < groups.Count;)
        {
            _next = (_next + 1) % groups.Count;
            idle = groups[_next].ReleaseHalf() ? 0 : idle + 1;
        }
    }
}
