namespace KvRaft.Benchmarks.Load;

/// <summary>The operations of a client.</summary>
internal enum OperationKind
{
    Put,

    /// <summary>A linearizable read of an existing key.</summary>
    Get,

    /// <summary>Puts and gets with equal probability.</summary>
    Mix,
}
