using System.Text;
using CsCheck;

namespace KvRaft.Topology.Tests;

public class KeyHashTests
{
    // Every existing store depends on these. If a line fails, the code is wrong, not the line. They were computed with the reference implementation
    // (libxxhash 0.8.1), so they also show that the formula in KeyHash can be implemented in another language.
    [Theory]
    [InlineData(1, RoutingRule.WholeKey, "", "7403508502d32e38")]
    [InlineData(1, RoutingRule.WholeKey, "a", "680f716c42fcd9d5")]
    [InlineData(1, RoutingRule.WholeKey, "user:1", "029dd873d5a988da")]
    [InlineData(2, RoutingRule.WholeKey, "user:1", "c86b25088fd40dbb")]
    [InlineData(4_000_000_000, RoutingRule.WholeKey, "user:1", "c914f4c0fbe350ec")]
    [InlineData(1, RoutingRule.WholeKey, "cart:{42}:items", "fbfcb32eb77df478")]
    [InlineData(1, RoutingRule.Tag, "cart:{42}:items", "4fbcc4e580b09cc5")]
    [InlineData(1, RoutingRule.WholeKey, "grüße/世界", "df062182e99cbcfb")]
    [InlineData(1, RoutingRule.WholeKey, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "c85f6cd9dd848d04")]
    public void Tokens_of_fixed_keys_never_change(uint keyspace, RoutingRule rule, string key, string token) =>
        Assert.Equal(token, KeyHash.TokenOf(KeyHash.Seed, new KeyspaceId(keyspace), rule, Encoding.UTF8.GetBytes(key)).ToString());

    // Above 240 bytes XXH3 uses another algorithm, with a secret derived from the seed.
    [Fact]
    public void The_token_of_a_long_key_never_changes() =>
        Assert.Equal("8eef66b432d1612d", KeyHash.TokenOf(KeyHash.Seed, KeyspaceId.Default, RoutingRule.WholeKey, new byte[4096]).ToString());

    [Theory]
    [InlineData("{user1}:followers", "user1")]
    [InlineData("a{b}c", "b")]
    [InlineData("{a}{b}", "a")]
    [InlineData("a{{b}c", "{b")]
    [InlineData("a}b{c}", "c")]
    [InlineData("a{}b{c}", "a{}b{c}")]
    [InlineData("a{b", "a{b")]
    [InlineData("a}b", "a}b")]
    [InlineData("", "")]
    [InlineData("{", "{")]
    public void The_tag_is_the_same_as_in_Redis_Cluster(string key, string tag) =>
        Assert.Equal(tag, Encoding.UTF8.GetString(KeyHash.RoutedPart(RoutingRule.Tag, Encoding.UTF8.GetBytes(key))));

    [Fact]
    public void Keys_with_one_tag_have_one_token() =>
        Gen.Select(Gen.Char.AlphaNumeric.Array[1, 9], Gen.Char.AlphaNumeric.Array[0, 9], Gen.Char.AlphaNumeric.Array[0, 9])
            .Sample((tag, before, after) =>
                Token(RoutingRule.Tag, $"{new string(before)}{{{new string(tag)}}}{new string(after)}") == Token(RoutingRule.WholeKey, new string(tag)));

    [Fact]
    public void Another_keyspace_or_seed_puts_the_same_keys_elsewhere()
    {
        var keys = Enumerable.Range(0, 6400).Select(i => BitConverter.GetBytes(i)).ToArray();
        int Same(ulong seed, uint keyspace) => keys.Count(key =>
            KeyHash.TokenOf(seed, new KeyspaceId(keyspace), RoutingRule.WholeKey, key).Value >> 58
            == KeyHash.TokenOf(KeyHash.Seed, KeyspaceId.Default, RoutingRule.WholeKey, key).Value >> 58);

        // Of 64 token ranges, a random one is equal with probability 1/64: 100 of 6400, deviation 10.
        Assert.InRange(Same(KeyHash.Seed, 2), 50, 150);
        Assert.InRange(Same(KeyHash.Seed + 1, 1), 50, 150);
        Assert.Equal(6400, Same(KeyHash.Seed, 1));
    }

    private static Token Token(RoutingRule rule, string key) =>
        KeyHash.TokenOf(KeyHash.Seed, KeyspaceId.Default, rule, Encoding.UTF8.GetBytes(key));
}
