namespace KvRaft.Node.Lifecycle;

/// <summary>How full the data disk is, as the last look found it. Written by <see cref="DiskGuard"/>, read by any thread.</summary>
internal sealed class DiskLevel
{
    private volatile bool _refusesGrowth;
    private volatile bool _isCritical;

    /// <summary>Below the reserve: clients' writes that need room are refused; deletes and what frees space are taken.</summary>
    public bool RefusesGrowth
    {
        get => _refusesGrowth;
        set => _refusesGrowth = value;
    }

    /// <summary>
    /// Far below it, which only other nodes' clients or another process can bring about: replicas here take no entries from their leaders either.
    /// </summary>
    public bool IsCritical
    {
        get => _isCritical;
        set => _isCritical = value;
    }
}
