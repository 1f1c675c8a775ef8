using KvRaft.Topology;

namespace KvRaft.Eventual.Trees;

/// <summary>
/// The tree leaf that counts the hash of a key. The ring is divided into 2^8 equal token ranges that never change. All keys of a token range have one
/// preference list, that of the first token of the range, so two nodes share whole token ranges and can compare each by one number. Each token range is
/// divided into buckets; a comparison searches for a difference among the keys of one bucket.
/// </summary>
public readonly record struct LeafPlace(KeyspaceId Keyspace, int TokenRange, int Bucket)
{
    /// <summary>2^8: with ten nodes each is the first choice for some 25 token ranges, so shares are even within a fifth; and one root of each fits into 2
    /// KiB.</summary>
    public const int TokenRanges = 1 << TokenRangeBits;

    /// <summary>2^6 in each token range: at a million keys a bucket has about sixty, one page of names to compare.</summary>
    public const int Buckets = 1 << BucketBits;

    private const int TokenRangeBits = 8;
    private const int BucketBits = 6;

    public static LeafPlace Of(KeyspaceId keyspace, Token token) =>
        new(keyspace, TokenRangeOf(token), (int)((token.Value << TokenRangeBits) >> (64 - BucketBits)));

    public static int TokenRangeOf(Token token) => (int)(token.Value >> (64 - TokenRangeBits));

    /// <summary>The token whose preference list is that of the whole token range.</summary>
    public static Token StartOf(int range) => new((ulong)range << (64 - TokenRangeBits));

    /// <summary>The first token of the bucket.</summary>
    public Token Start => new(((ulong)TokenRange << (64 - TokenRangeBits)) | ((ulong)Bucket << (64 - TokenRangeBits - BucketBits)));

    /// <summary>The last token of the bucket.</summary>
    public Token Last => new(Start.Value + ((1UL << (64 - TokenRangeBits - BucketBits)) - 1));
}
