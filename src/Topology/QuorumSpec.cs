namespace KvRaft.Topology;

/// <summary>How many replicas a key has, and how many answers a read and a write wait for.</summary>
/// <param name="N">Replicas of a key.</param>
/// <param name="R">Answers a read needs, from 1 to N.</param>
/// <param name="W">Replicas on which a write must be safe before it is acknowledged, from 1 to N.</param>
/// <param name="Sloppy">May nodes behind the first N stand in for those that do not answer?</param>
public readonly record struct QuorumSpec(int N, int R, int W, bool Sloppy)
{
    /// <summary>More copies than this of one key make every write a broadcast. Also the most replicas a shard can have.</summary>
    public const int NMax = ShardMap.ReplicationFactorMax;

    /// <summary>Every read meets every acknowledged write on some replica, as long as no fallback stood in.</summary>
    public bool Overlaps => R + W > N;

    /// <summary>What is wrong with it: the field and a sentence; null if nothing is.</summary>
    public (string Field, string Why)? Mistake() =>
        N is < 1 or > NMax ? ("n", $"from 1 to {NMax}")
        : R < 1 || R > N ? ("r", $"from 1 to n, which is {N}")
        : W < 1 || W > N ? ("w", $"from 1 to n, which is {N}")
        : null;
}
