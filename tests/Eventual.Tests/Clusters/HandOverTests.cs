using KvRaft.Eventual.Replicas;
using KvRaft.Eventual.Tests.Replicas;
using KvRaft.Topology;
using Some = KvRaft.Eventual.Tests.Replicas.Some;

namespace KvRaft.Eventual.Tests.Clusters;

/// <summary>Arcs change their nodes.</summary>
public class HandOverTests
{
    private static readonly QuorumSpec One = new(1, 1, 1, Sloppy: false);

    [Fact]
    public async Task A_node_that_leaves_hands_over_everything_while_others_write()
    {
        await using var cluster = SmallCluster.Start(5, new QuorumSpec(3, 2, 2, Sloppy: true));
        var keys = Enumerable.Range(0, 40).Select(static i => Some.Key($"k{i}")).ToArray();
        foreach (var key in keys)
        {
            await CoordinatorOf(cluster, key).PutAsync(key, "before");
        }

        var leaver = cluster[1];
        cluster.ChangeRing(cluster.Nodes.Except([leaver.Self]));
        foreach (var (member, i) in cluster.Members.Values.Select(static (member, i) => (member, i)))
        {
            member.HearOfRing();
            await CoordinatorOf(cluster, keys[i]).PutAsync(keys[i], "meanwhile");
            await member.Rounds.RunAsync(CancellationToken.None);
        }

        await cluster.CompareAsync();

        Assert.Empty(leaver.Replica.Trees.Keyspaces());
        Assert.All(keys, key => Assert.Single(cluster.Copies(key).Distinct()));
        Assert.All(keys, key => Assert.Contains("before", cluster.Copies(key)[0].Texts()));
        Assert.All(keys[..5], key => Assert.Equal(["before", "meanwhile"], cluster.Copies(key)[0].Texts()));
    }

    // Two nodes that each take the other for the keeper would drop the record to each other, and at the same time lose it.
    [Fact]
    public async Task A_record_is_not_dropped_to_a_node_that_does_not_know_that_it_keeps_it()
    {
        await using var cluster = SmallCluster.Start(3, One);
        var (old, others) = (cluster[1], cluster.Nodes.Skip(1).ToArray());
        var key = Enumerable.Range(0, 100).Select(static i => Some.Key($"k{i}")).First(key => cluster.Lists.ListOf(key.Token, 1).Primaries[0] == old.Self);
        await old.PutAsync(key, "milk");

        cluster.ChangeRing(others);
        var next = cluster.Members[cluster.Lists.ListOf(key.Token, 1).Primaries[0]];
        old.HearOfRing();
        await old.Rounds.RunAsync(CancellationToken.None);
        Assert.Equal(["milk"], old.Replica.Read(key).Texts());

        next.HearOfRing();
        await old.Rounds.RunAsync(CancellationToken.None);
        Assert.True(old.Replica.Read(key).IsEmpty);
        Assert.Equal(["milk"], next.Replica.Read(key).Texts());
    }

    // It said that it keeps the key, and somebody may have dropped it for that.
    [Fact]
    public async Task A_record_that_is_no_stray_any_more_when_it_would_be_removed_stays()
    {
        using var directory = new TemporaryDirectory();
        await using var replica = Some.Open(directory.Path);
        var key = Some.Key("cart");
        await replica.WriteAsync(key, Some.Put("milk"));

        await replica.WriteAsync(key, new RemoveStray(replica.HashOf(key), static () => false));
        Assert.Equal(["milk"], replica.Read(key).Texts());

        await replica.WriteAsync(key, new RemoveStray(replica.HashOf(key), static () => true));
        Assert.True(replica.Read(key).IsEmpty);
    }

    // Two of three have the write. One of them loses its disk, and the other is away: whoever is left answers, and must not say that it met every write.
    [Fact]
    public async Task A_read_that_rests_on_a_lost_disk_does_not_claim_to_meet_every_write()
    {
        await using var cluster = SmallCluster.Start(3, new QuorumSpec(3, 2, 2, Sloppy: false));
        var key = Some.Key("cart");
        cluster.Partition([1, 2], [3]);
        Assert.True((await cluster[1].PutAsync(key, "milk")).Overlaps);

        await cluster[1].WipeAsync();
        cluster.Partition([1, 3], [2]);
        var partial = await cluster[3].GetAsync(key);
        Assert.True(partial.Reached);
        Assert.False(partial.Overlaps);

        cluster.Heal();
        await cluster.CompareAsync();
        cluster.Partition([1, 3], [2]);
        var whole = await cluster[3].GetAsync(key);
        Assert.True(whole.Overlaps);
        Assert.Equal(["milk"], whole.State.Texts());
    }

    private static SmallCluster.Member CoordinatorOf(SmallCluster cluster, EventualKey key) => cluster.Members[cluster.Lists.ListOf(key.Token, 3).Primaries[0]];
}
