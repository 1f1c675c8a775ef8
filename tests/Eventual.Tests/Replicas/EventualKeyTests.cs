using System.Text;
using KvRaft.Eventual.Replicas;
using KvRaft.Topology;

namespace KvRaft.Eventual.Tests.Replicas;

public class EventualKeyTests
{
    /// <summary>Keys of one tag have one token. As the hash it made each look-up in a round and among the hints take time in proportion to their number.</summary>
    [Fact]
    public void Hashes_of_keys_differ_if_their_tokens_are_equal()
    {
        var keyspace = new KeyspaceId(7);
        var keys = Enumerable.Range(0, 1_000).Select(i => Encoding.ASCII.GetBytes($"{{tag}}{i}"))
            .Select(key => new EventualKey(keyspace, KeyHash.TokenOf(KeyHash.Seed, keyspace, RoutingRule.Tag, key), key)).ToList();

        Assert.Single(keys.Select(static key => key.Token).Distinct());
        Assert.InRange(keys.Select(static key => key.GetHashCode()).Distinct().Count(), 990, 1_000);
    }
}
