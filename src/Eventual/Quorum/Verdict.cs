namespace KvRaft.Eventual.Quorum;

internal enum Verdict
{
    /// <summary>Both results are still possible.</summary>
    Open,

    /// <summary>Enough replicas answered, and the caller gets its answer now. Others may still answer.</summary>
    Reached,

    /// <summary>The remaining replicas are not enough.</summary>
    OutOfReach,
}
