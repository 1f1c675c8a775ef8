using System.IO.Hashing;

namespace KvRaft.Topology;

/// <summary>
/// Maps a key to its token on the ring. The server and the clients of every language must compute the same value, permanently:
/// <code>
/// token = XXH3_64bits_withSeed(routed bytes, hash seed XOR (keyspace id × 0x9E3779B97F4A7C15 mod 2^64))
/// </code>
/// The routed bytes are the key or its tag (<see cref="RoutingRule"/>). The hash seed is part of the shard map and of the identity of the store: with
/// another seed, a store would look for every key in the wrong shard. The keyspace id is included so that equal keys of two keyspaces are in
/// different shards, which spreads the load of frequent keys; the multiplier (2^64 divided by the golden ratio, as in Knuth, TAOCP 3, section 6.4)
/// spreads small ids over all bits of the seed.
/// </summary>
public static class KeyHash
{
    /// <summary>The seed of new clusters: <c>KvRaft01</c> in ASCII. Any fixed number is suitable; it must never change.</summary>
    public const ulong Seed = 0x4B76_5261_6674_3031;

    private const ulong KeyspaceMultiplier = 0x9E37_79B9_7F4A_7C15;

    /// <summary>The token of a key.</summary>
    public static Token TokenOf(ulong seed, KeyspaceId keyspace, RoutingRule rule, ReadOnlySpan<byte> key) =>
        new(XxHash3.HashToUInt64(RoutedPart(rule, key), unchecked((long)(seed ^ (keyspace.Value * KeyspaceMultiplier)))));

    /// <summary>The part of a key that determines its shard. Two keys of a keyspace with equal parts are always in one shard.</summary>
    public static ReadOnlySpan<byte> RoutedPart(RoutingRule rule, ReadOnlySpan<byte> key) => rule switch
    {
        RoutingRule.WholeKey => key,
        RoutingRule.Tag => TagOf(key),
        _ => throw new ArgumentOutOfRangeException(nameof(rule), rule, "Unknown routing rule."),
    };

    private static ReadOnlySpan<byte> TagOf(ReadOnlySpan<byte> key)
    {
        var open = key.IndexOf((byte)'{');
        if (open < 0)
        {
            return key;
        }

        var afterOpen = key[(open + 1)..];
        var length = afterOpen.IndexOf((byte)'}');
        return length > 0 ? afterOpen[..length] : key;
    }
}
