using KvRaft.Topology;

namespace KvRaft.Eventual.Causality;

/// <summary>
/// Returns epochs that this incarnation has never used, without a write to disk. The upper bits are the number of the process
/// start, which is durable before the first write; the lower bits count within it. One caller at a time.
/// </summary>
/// <param name="start">Starts of the process on this disk, from 1.</param>
internal sealed class EpochSource(ulong start)
{
    /// <summary>
    /// 40 bits for the count: at a million removed keys a second they last a process twelve days. 24 bits remain for
    /// starts: one a minute for thirty years. A replica that runs out of starts takes a new incarnation; one that runs out of counts stops.
    /// </summary>
    private const int CountBits = 40;

    /// <summary>The last start of an incarnation.</summary>
    public const ulong StartMax = (1UL << (64 - CountBits)) - 1;

    private ulong _count;

    /// <summary>The greatest epoch returned so far, by this start or an earlier one.</summary>
    public ulong Last => (start << CountBits) | _count;

    public ulong Next()
    {
        Invariant.Holds(start is > 0 and <= StartMax, "the process was started too often on one disk");
        Invariant.Holds(_count < (1UL << CountBits) - 1, "one process issued too many epochs");
        _count++;
        return Last;
    }
}
