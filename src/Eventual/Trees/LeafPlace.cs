using KvRaft.Topology;

namespace KvRaft.Eventual.Trees;

/// <summary>
/// Where a key's hash is counted. The ring is cut into <see cref="Arcs"/> equal arcs, the same for ever: all keys of an arc have one
/// preference list, that of the arc's first token, so that two nodes have whole arcs in common and can compare them by one number. Each arc is
/// cut into buckets; a difference is looked for in one bucket's keys.
/// </summary>
public readonly record struct LeafPlace(KeyspaceId Keyspace, int Arc, int Bucket)
{
    /// <summary>2^8: with ten nodes some 25 arcs each as first choice, so shares are even to a fifth; and one root of each fits into 2 KiB.</summary>
    public const int Arcs = 1 << ArcBits;

    /// <summary>2^6 in each arc: at a million keys a bucket has about sixty, a page of names to compare.</summary>
    public const int Buckets = 1 << BucketBits;

    private const int ArcBits = 8;
    private const int BucketBits = 6;

    public static LeafPlace Of(KeyspaceId keyspace, Token token) =>
        new(keyspace, ArcOf(token), (int)((token.Value << ArcBits) >> (64 - BucketBits)));

    public static int ArcOf(Token token) => (int)(token.Value >> (64 - ArcBits));

    /// <summary>The token whose preference list is that of the whole arc.</summary>
    public static Token StartOf(int arc) => new((ulong)arc << (64 - ArcBits));

    /// <summary>The first token of the bucket.</summary>
    public Token Start => new(((ulong)Arc << (64 - ArcBits)) | ((ulong)Bucket << (64 - ArcBits - BucketBits)));

    /// <summary>The last token of the bucket.</summary>
    public Token Last => new(Start.Value + ((1UL << (64 - ArcBits - BucketBits)) - 1));
}
