using KvRaft.Topology;

namespace KvRaft.Eventual.Replicas;

/// <summary>
/// The ring and the counts under which a keyspace is held. Two nodes that report the same tenure have the same replica holders for every key, so
/// their acknowledged writes and their reads overlap. Between two different tenures there is no such guarantee.
/// </summary>
/// <param name="Ring">Increases by one whenever the nodes with a share, their weights or zones may have changed.</param>
/// <param name="N">Copies of a key.</param>
/// <param name="R">Answers that a read waits for.</param>
/// <param name="W">Answers that a write waits for.</param>
internal readonly record struct Tenure(long Ring, int N, int R, int W)
{
    /// <summary>Bits of each of the three counts: they are at most <see cref="QuorumSpec.NMax"/>, which is 7.</summary>
    private const int CountBits = 4;

    public static Tenure Of(long ring, QuorumSpec spec) => new(ring, spec.N, spec.R, spec.W);

    /// <summary>The tenure as one number, for messages between nodes. It is never 0; a node sends 0 if it has no such keyspace.</summary>
    public ulong Word => ((((((ulong)Ring << CountBits) | (uint)N) << CountBits) | (uint)R) << CountBits) | (uint)W;

    public static Tenure FromWord(ulong word) => new(
        (long)(word >> (3 * CountBits)), CountAt(word, 2), CountAt(word, 1), CountAt(word, 0));

    /// <summary>The ring changed once since, and the counts did not change.</summary>
    public bool Follows(Tenure before) => this == before with { Ring = before.Ring + 1 };

    private static int CountAt(ulong word, int place) => (int)(word >> (place * CountBits)) & ((1 << CountBits) - 1);
}
