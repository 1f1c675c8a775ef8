using KvRaft.Topology;

namespace KvRaft.Eventual.Replicas;

/// <summary>
/// Under what a keyspace is kept: a ring, and how many copies of it answer. Two nodes that name the same tenure mean the same keepers of every key, so what
/// they acknowledge and read meets; two that name different ones promise nothing together.
/// </summary>
/// <param name="Ring">Grows by one whenever the nodes that have a share, their weights or zones may have changed.</param>
/// <param name="N">Copies of a key.</param>
/// <param name="R">Answers a read waits for.</param>
/// <param name="W">Answers a write waits for.</param>
internal readonly record struct Tenure(long Ring, int N, int R, int W)
{
    /// <summary>Bits of each of the three counts: they are at most <see cref="QuorumSpec.NMax"/>, which is 7.</summary>
    private const int CountBits = 4;

    public static Tenure Of(long ring, QuorumSpec spec) => new(ring, spec.N, spec.R, spec.W);

    /// <summary>The same in one number, as nodes tell each other; never 0, which is what a node says that does not know the keyspace.</summary>
    public ulong Word => ((((((ulong)Ring << CountBits) | (uint)N) << CountBits) | (uint)R) << CountBits) | (uint)W;

    public static Tenure FromWord(ulong word) => new(
        (long)(word >> (3 * CountBits)), CountAt(word, 2), CountAt(word, 1), CountAt(word, 0));

    /// <summary>The ring changed once since, and nothing else did.</summary>
    public bool Follows(Tenure before) => this == before with { Ring = before.Ring + 1 };

    private static int CountAt(ulong word, int place) => (int)(word >> (place * CountBits)) & ((1 << CountBits) - 1);
}
