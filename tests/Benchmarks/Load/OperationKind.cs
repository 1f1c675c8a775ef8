namespace KvRaft.Benchmarks.Load;

/// <summary>What a client does, over and over.</summary>
internal enum OperationKind
{
    Put,

    /// <summary>A linearizable read of a key that is there.</summary>
    Get,

    /// <summary>One put for one get, by chance.</summary>
    Mix,
}
