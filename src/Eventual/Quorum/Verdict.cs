namespace KvRaft.Eventual.Quorum;

internal enum Verdict
{
    /// <summary>It can still go either way.</summary>
    Open,

    /// <summary>Enough answered: the caller gets its answer now. Others may still answer.</summary>
    Reached,

    /// <summary>Not enough are left to answer.</summary>
    OutOfReach,
}
