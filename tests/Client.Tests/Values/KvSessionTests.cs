using KvRaft.V1;

namespace KvRaft.Client.Tests.Values;

public sealed class KvSessionTests
{
    private const string Cluster = "7c41e200-0000-4000-8000-000000000001";

    [Fact]
    public void Keeps_the_highest_version_of_each_shard()
    {
        var session = new KvSession();
        session.Saw(new ResponseHeader { Shard = 3, ShardVersion = 7 }, Cluster);
        session.Saw(new ResponseHeader { Shard = 3, ShardVersion = 5 }, Cluster);
        session.Saw(new ResponseHeader { ShardVersions = { new ShardVersion { Shard = 0, Version = 2 }, new ShardVersion { Shard = 9, Version = 4 } } }, Cluster);

        Assert.Equal([(0, 2L), (3, 7L), (9, 4L)], Versions(session));
        Assert.Equal((1, Cluster), (session.ToWire().Format, session.ToWire().ClusterId));
    }

    [Fact]
    public void Travels_as_text_and_is_merged_where_it_arrives()
    {
        var (sender, receiver) = (new KvSession(), new KvSession());
        sender.Saw(new ResponseHeader { Shard = 1, ShardVersion = 10 }, Cluster);
        receiver.Saw(new ResponseHeader { Shard = 1, ShardVersion = 12 }, Cluster);
        sender.Saw(new ResponseHeader { Shard = 2, ShardVersion = 4 }, Cluster);

        receiver.Merge(KvSession.Parse(sender.ToString()));

        Assert.Equal([(1, 12L), (2, 4L)], Versions(receiver));
        Assert.Equal([(1, 10L), (2, 4L)], Versions(sender));
    }

    // Processes keep the text across an upgrade.
    [Fact]
    public void The_text_of_a_session_is_that_of_its_format()
    {
        var session = new KvSession();
        session.Saw(new ResponseHeader { Shard = 1, ShardVersion = 300 }, "c");

        Assert.Equal("kvs1.CAESAWMaBQgBEKwC", session.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("CAESAWMaBQgBEKwC")]
    [InlineData("kvs0.CAESAWMaBQgBEKwC")]
    [InlineData("kvs1.CAISAWMaBQgBEKwC")]
    [InlineData("kvs1.CAESAWMaBQgBEK")]
    [InlineData("kvs1.!")]
    [InlineData("kvs1.CAESAWMaCwj___________8BEAE")]
    public void A_session_of_another_format_is_refused(string text) => Assert.Throws<FormatException>(() => KvSession.Parse(text));

    [Fact]
    public void Sessions_of_two_clusters_are_not_mixed()
    {
        var (here, there) = (new KvSession(), new KvSession());
        here.Saw(new ResponseHeader { Shard = 0, ShardVersion = 5 }, Cluster);
        there.Saw(new ResponseHeader { Shard = 0, ShardVersion = 900 }, Guid.Empty.ToString());

        Assert.Throws<ArgumentException>(() => here.Merge(there));
        Assert.Equal([(0, 5L)], Versions(here));

        // There is now another cluster at the same endpoints.
        there.Saw(new ResponseHeader { Shard = 0, ShardVersion = 6 }, Cluster);
        Assert.Equal([(0, 6L)], Versions(there));
    }

    [Fact]
    public void One_number_is_not_taken_for_several_keys()
    {
        using var client = KvClient.Connect("kvraft://127.0.0.1:1/default");
        var options = new KvReadOptions { Consistency = KvConsistency.AtLeast(4) };

        var refused = Assert.Throws<ArgumentException>(() => client.TextKeyspace().MultiGetAsync(["a", "b"], options).AsTask().GetAwaiter().GetResult());

        Assert.Contains("session", refused.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => KvConsistency.AtLeast(0));
    }

    private static IEnumerable<(int, long)> Versions(KvSession session) => session.ToWire().Shards.Select(static shard => (shard.Shard, shard.Version));
}
