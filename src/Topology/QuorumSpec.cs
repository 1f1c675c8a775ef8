namespace KvRaft.Topology;

/// <summary>The number of replicas of a key, and the number of answers that reads and writes wait for.</summary>
/// <param name="N">Replicas of a key.</param>
/// <param name="R">Answers that a read needs, from 1 to N.</param>
/// <param name="W">Replicas that must acknowledge a write, from 1 to N.</param>
/// <param name="Sloppy">True: nodes after the first N may substitute replica holders that do not answer.</param>
public readonly record struct QuorumSpec(int N, int R, int W, bool Sloppy)
{
    /// <summary>With more copies than this, every write of a key is almost a broadcast. Also the maximum number of replicas of a shard.</summary>
    public const int NMax = ShardMap.ReplicationFactorMax;

    /// <summary>Every read reaches at least one replica with every acknowledged write, unless a fallback was counted.</summary>
    public bool Overlaps => R + W > N;

    /// <summary>The invalid field and a sentence; null if the quorum is valid.</summary>
    public (string Field, string Why)? Mistake() =>
        N is < 1 or > NMax ? ("n", $"from 1 to {NMax}")
        : R < 1 || R > N ? ("r", $"from 1 to n, which is {N}")
        : W < 1 || W > N ? ("w", $"from 1 to n, which is {N}")
        : null;
}
