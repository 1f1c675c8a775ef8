namespace KvRaft.Node.Lifecycle;

/// <summary>How full the data disk is, by the last check. Written by <see cref="DiskGuard"/>, read by any thread.</summary>
internal sealed class DiskLevel
{
    private volatile bool _refusesGrowth;
    private volatile bool _isCritical;

    /// <summary>Below the reserve: clients' writes that need space are refused; deletes and calls that free space are accepted.</summary>
    public bool RefusesGrowth
    {
        get => _refusesGrowth;
        set => _refusesGrowth = value;
    }

    /// <summary>
    /// Far below it, which only other nodes' clients or another process can cause: replicas here accept no entries from their leaders either.
    /// </summary>
    public bool IsCritical
    {
        get => _isCritical;
        set => _isCritical = value;
    }
}
