using KvRaft.Node.Cluster;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Node.Tests.Options;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Cluster;

/// <summary>The checks of a joining node before it sends the join request, and the facts it stores from the answer.</summary>
public sealed class NodeEntranceTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static readonly NodeOptions Options = SomeOptions.SingleNode();

    [Fact]
    public void The_right_cluster_with_the_right_time_is_accepted() => Assert.Null(MistakeIn(Hello()));

    [Fact]
    public void Another_cluster_another_protocol_and_another_time_are_distinguished()
    {
        var other = Hello();
        other.ClusterId = Guid.Empty.ToString();
        Assert.Contains("it is cluster", MistakeIn(other), StringComparison.Ordinal);
        var newer = Hello();
        newer.ProtocolVersion = 2;
        Assert.Contains("version 2 of the protocol", MistakeIn(newer), StringComparison.Ordinal);
        Assert.Contains("1.5 s apart", MistakeIn(Hello(TimeSpan.FromSeconds(1.5))), StringComparison.Ordinal);
        Assert.Contains("1.5 s apart", MistakeIn(Hello(TimeSpan.FromSeconds(-1.5))), StringComparison.Ordinal);
    }

    // Request and answer took two seconds: the other clock was read at any moment of them.
    [Fact]
    public void A_slow_answer_proves_nothing_about_clocks() =>
        Assert.Null(NodeEntrance.Mistake(Options, Hello(TimeSpan.FromSeconds(0.9)), Now, TimeSpan.FromSeconds(2)));

    [Fact]
    public void The_answer_to_a_join_is_kept_as_text_and_read_back()
    {
        var file = new MembershipFile(new Guid("00112233-4455-6677-8899-aabbccddeeff"));
        Assert.Equal("kvraft-membership 2\ninstance 00112233-4455-6677-8899-aabbccddeeff\ncrc32c da1b32a5\n", file.Format());
        var joined = Joined(file);
        Assert.Equal(
            "kvraft-membership 2\ninstance 00112233-4455-6677-8899-aabbccddeeff\nshard-count 64\nreplication-factor 3\nvoter n1 1 10.0.0.1:7500 [::1]:7400\ncrc32c 78968305\n",
            joined.Format());
        Assert.Equal(file, MembershipFile.Parse(file.Format()));
        Assert.Equal(joined, MembershipFile.Parse(joined.Format()));
    }

    [Fact]
    public void A_record_of_a_join_with_one_changed_bit_or_a_missing_end_is_damaged()
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(Joined(new MembershipFile(Guid.NewGuid())).Format());
        for (var bit = 0; bit < 8 * bytes.Length; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Null(MembershipFile.Parse(System.Text.Encoding.UTF8.GetString(bytes)));
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        for (var cut = 0; cut < bytes.Length; cut++)
        {
            Assert.Null(MembershipFile.Parse(System.Text.Encoding.UTF8.GetString(bytes[..cut])));
        }
    }

    private static MembershipFile Joined(MembershipFile file) => file with
    {
        Joined = new JoinedCluster(64, 3, [new KnownVoter(new NodeId("n1"), 1, new HostAndPort("10.0.0.1", 7500), new HostAndPort("::1", 7400))]),
    };

    private static string? MistakeIn(HelloResponse hello) => NodeEntrance.Mistake(Options, hello, Now, TimeSpan.Zero);

    private static HelloResponse Hello(TimeSpan ahead = default) => new()
    {
        ClusterId = Options.ClusterId.ToString(),
        ProtocolVersion = 1,
        ServerTimeMs = (Now + ahead).ToUnixTimeMilliseconds(),
    };
}
