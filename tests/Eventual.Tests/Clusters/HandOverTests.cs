using KvRaft.Eventual.Replicas;
using KvRaft.Eventual.Tests.Replicas;
using KvRaft.Topology;
using Some = KvRaft.Eventual.Tests.Replicas.Some;

namespace KvRaft.Eventual.Tests.Clusters;

/// <summary>Token ranges change their nodes.</summary>
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

    // If each of two nodes took the other for the replica holder, both would drop the record at the same time, and it would be lost.
    [Fact]
    public async Task A_record_is_not_dropped_while_its_new_holder_has_an_older_ring()
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

    // No other node has the record, and no hint exists for it: its new replica holders receive it, and it stays until the last of them has it.
    [Fact]
    public async Task A_record_stays_until_every_new_replica_holder_has_it()
    {
        await using var cluster = SmallCluster.Start(5, new QuorumSpec(3, 2, 2, Sloppy: true));
        var key = Some.Key("cart");
        var old = cluster.Members[cluster.Lists.ListOf(key.Token, 3).Primaries[0]];
        await old.Replica.WriteAsync(key, Some.Put("milk"));
        cluster.ChangeRing(cluster.Nodes.Except([old.Self]));
        cluster.Heal();
        var holders = cluster.Lists.ListOf(key.Token, 3).Primaries.ToArray();

        cluster.Net.Cut(cluster.Nodes, (from, to) => from == holders[2] || to == holders[2]);
        await old.Rounds.RunAsync(CancellationToken.None);
        Assert.Equal(["milk"], old.Replica.Read(key).Texts());
        Assert.Contains(holders[2].Value, old.Ledger.HandoverError, StringComparison.Ordinal);

        cluster.Heal();
        await old.Rounds.RunAsync(CancellationToken.None);
        Assert.True(old.Replica.Read(key).IsEmpty);
        Assert.All(cluster.Copies(key), copy => Assert.Equal(["milk"], copy.Texts()));
        Assert.Equal("", old.Ledger.HandoverError);
    }

    [Fact]
    public async Task A_leaving_node_accepts_no_write_and_its_hints_are_dropped()
    {
        await using var cluster = SmallCluster.Start(5, new QuorumSpec(3, 1, 1, Sloppy: false));
        var key = Some.Key("cart");
        var list = cluster.Lists.ListOf(key.Token, 3);
        var (leaver, writer) = (cluster.Members[list.Primaries[0]], cluster.Members[list.Primaries[1]]);
        cluster.Net.Cut(cluster.Nodes, (from, to) => from == leaver.Self || to == leaver.Self);
        Assert.True((await writer.PutAsync(key, "milk")).Reached);
        while (writer.Puts.UnderWay > 0)
        {
            await Task.Yield();
        }

        cluster.ChangeRing(cluster.Nodes.Except([leaver.Self]));
        cluster.Net.Heal();
        leaver.HearOfRing();
        writer.Suspicion.Answered(leaver.Self);
        await writer.Handoff.RunAsync(CancellationToken.None);
        Assert.True(leaver.Replica.Read(key).IsEmpty);
        Assert.Contains("takes nothing any more", writer.Handoff.ProgressOf(leaver.Self).LastError, StringComparison.Ordinal);

        cluster.Heal();
        await cluster.HandOverAsync();
        await cluster.CompareAsync();
        Assert.All(cluster.Members.Values, member => Assert.Empty(member.Replica.Hints.Backlogs()));
        Assert.True(leaver.Replica.Read(key).IsEmpty);
        Assert.All(cluster.Copies(key), copy => Assert.Equal(["milk"], copy.Texts()));
    }

    // A new replica holder holds a key at once, but its answers count only when it has met every node.
    [Fact]
    public async Task Across_a_change_of_the_ring_only_replicas_with_complete_data_count()
    {
        await using var cluster = SmallCluster.Start(5, new QuorumSpec(3, 2, 2, Sloppy: false));
        var key = Some.Key("cart");
        var (leaver, stays) = (cluster.Lists.ListOf(key.Token, 3).Primaries[0], cluster.Lists.ListOf(key.Token, 3).Primaries[1]);
        Assert.True((await cluster.Members[stays].PutAsync(key, "milk")).Overlaps);

        cluster.ChangeRing(cluster.Nodes.Except([leaver]));
        cluster.Heal();
        var holders = cluster.Lists.ListOf(key.Token, 3).Primaries.ToArray();
        var newcomer = holders.Single(node => !cluster.Members[node].Replica.Tenures.IsWhole(SmallCluster.Keyspace, Trees.LeafPlace.TokenRangeOf(key.Token), cluster.Members[node].TenureOf(SmallCluster.Keyspace)!.Value));
        var other = holders.First(node => node != newcomer && node != stays);
        cluster.Net.Cut(cluster.Nodes, (from, to) => from == other || to == other);
        Assert.False((await cluster.Members[newcomer].GetAsync(key)).Overlaps);
        Assert.False((await cluster.Members[newcomer].PutAsync(key, "bread")).Overlaps);

        cluster.Heal();
        await cluster.Members[newcomer].Rounds.RunAsync(CancellationToken.None);
        cluster.Net.Cut(cluster.Nodes, (from, to) => from == other || to == other);
        var read = await cluster.Members[newcomer].GetAsync(key);
        Assert.True(read.Overlaps);
        Assert.Contains("milk", read.State.Texts());
    }

    // It confirmed that it holds the key, and another node may have dropped its copy for that.
    [Fact]
    public async Task A_record_that_is_not_a_stray_any_more_is_not_removed()
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

    // Two of three have the write. One of them loses its disk, and the other is away: the third answers, and must not report that it has seen every write.
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
