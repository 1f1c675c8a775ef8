using System.Collections.Immutable;
using KvRaft.Eventual.Trees;

namespace KvRaft.Eventual.Replicas;

/// <summary>A set of token ranges of the ring. Immutable.</summary>
internal sealed class ArcSet : IEquatable<ArcSet>
{
    public static readonly ArcSet None = new(ImmutableArray.Create(new ulong[Words]));

    /// <summary>Each holds 64 token ranges.</summary>
    public const int Words = LeafPlace.Arcs / 64;

    private readonly ImmutableArray<ulong> _words;

    public ArcSet(ImmutableArray<ulong> words) => _words = words.Length == Words ? words : throw new ArgumentException("One bit for each token range.", nameof(words));

    public ReadOnlySpan<ulong> Bits => _words.AsSpan();

    public bool Contains(int arc) => ((_words[arc / 64] >> (arc % 64)) & 1) != 0;

    public static ArcSet Where(Func<int, bool> condition) => None.With(Enumerable.Range(0, LeafPlace.Arcs).Where(condition));

    public ArcSet With(IEnumerable<int> arcs)
    {
        var words = _words.ToArray();
        foreach (var arc in arcs)
        {
            words[arc / 64] |= 1UL << (arc % 64);
        }

        return new ArcSet([.. words]);
    }

    public ArcSet Intersect(ArcSet other) => new([.. _words.Zip(other._words, static (ours, theirs) => ours & theirs)]);

    public bool Equals(ArcSet? other) => other is not null && _words.AsSpan().SequenceEqual(other._words.AsSpan());

    public override bool Equals(object? obj) => Equals(obj as ArcSet);

    public override int GetHashCode() => _words.Aggregate(0, static (hash, word) => HashCode.Combine(hash, word));
}
