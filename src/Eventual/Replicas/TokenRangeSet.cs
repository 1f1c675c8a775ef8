using System.Collections.Immutable;
using KvRaft.Eventual.Trees;

namespace KvRaft.Eventual.Replicas;

/// <summary>A set of token ranges of the ring. Immutable.</summary>
internal sealed class TokenRangeSet : IEquatable<TokenRangeSet>
{
    public static readonly TokenRangeSet None = new(ImmutableArray.Create(new ulong[Words]));

    /// <summary>Each holds 64 token ranges.</summary>
    public const int Words = LeafPlace.TokenRanges / 64;

    private readonly ImmutableArray<ulong> _words;

    public TokenRangeSet(ImmutableArray<ulong> words) => _words = words.Length == Words ? words : throw new ArgumentException("One bit for each token range.", nameof(words));

    public ReadOnlySpan<ulong> Bits => _words.AsSpan();

    public bool Contains(int range) => ((_words[range / 64] >> (range % 64)) & 1) != 0;

    public static TokenRangeSet Where(Func<int, bool> condition) => None.With(Enumerable.Range(0, LeafPlace.TokenRanges).Where(condition));

    public TokenRangeSet With(IEnumerable<int> ranges)
    {
        var words = _words.ToArray();
        foreach (var range in ranges)
        {
            words[range / 64] |= 1UL << (range % 64);
        }

        return new TokenRangeSet([.. words]);
    }

    public TokenRangeSet Intersect(TokenRangeSet other) => new([.. _words.Zip(other._words, static (ours, theirs) => ours & theirs)]);

    public bool Equals(TokenRangeSet? other) => other is not null && _words.AsSpan().SequenceEqual(other._words.AsSpan());

    public override bool Equals(object? obj) => Equals(obj as TokenRangeSet);

    public override int GetHashCode() => _words.Aggregate(0, static (hash, word) => HashCode.Combine(hash, word));
}
