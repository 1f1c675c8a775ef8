using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Replicas;
using KvRaft.Eventual.Tests.Replicas;
using KvRaft.Eventual.Values;
using KvRaft.Topology;
using Some = KvRaft.Eventual.Tests.Replicas.Some;

namespace KvRaft.Eventual.Tests.Clusters;

/// <summary>The purpose of the store: both sides of a partition write, and afterwards every write is present.</summary>
public class PartitionTests
{
    private static readonly EventualKey Cart = Some.Key("cart");
    private static readonly QuorumSpec One = new(3, 1, 1, Sloppy: true);

    [Fact]
    public async Task The_cart_has_what_was_added_on_both_sides()
    {
        await using var cluster = SmallCluster.Start(3, One);
        cluster.Partition([1], [2, 3]);
        Assert.True((await cluster[1].PutAsync(Cart, "milk")).Reached);
        Assert.True((await cluster[2].PutAsync(Cart, "bread")).Reached);
        await SettledAsync(cluster, 1, 2);

        cluster.Heal();
        await cluster.HandOverAsync();

        Assert.All(cluster.Copies(Cart), copy => Assert.Equal(["bread", "milk"], copy.Texts()));
        Assert.All(cluster.Members.Values, member => Assert.Empty(member.Replica.Hints.Backlogs()));
    }

    [Fact]
    public async Task Sets_and_counters_are_merged_by_the_store()
    {
        await using var cluster = SmallCluster.Start(3, One);
        var visits = Some.Key("visits");
        cluster.Partition([1], [2, 3]);
        await cluster[1].WriteAsync(Cart, new ChangeValue(new ChangeSet(["milk"u8.ToArray()], []), 0));
        await cluster[2].WriteAsync(Cart, new ChangeValue(new ChangeSet(["bread"u8.ToArray()], []), 0));
        await cluster[1].WriteAsync(visits, new ChangeValue(new AddToCounter(2), 0));
        await cluster[3].WriteAsync(visits, new ChangeValue(new AddToCounter(3), 0));
        await SettledAsync(cluster, 1, 2, 3);

        cluster.Heal();
        await cluster.HandOverAsync();
        await cluster[2].WriteAsync(visits, new ChangeValue(new AddToCounter(1), 0));

        // Until then a copy may be in transit to a store whose tree counts it already.
        await SettledAsync(cluster, 2);
        await cluster.CompareAsync();

        Assert.All(cluster.Copies(Cart), copy => Assert.Equal(2, ((AddWinsSet)SiblingValues.Merge(copy, MergeKind.Set)!).Elements.Length));
        Assert.All(cluster.Copies(visits), copy => Assert.Equal(6, ((PnCounter)SiblingValues.Merge(copy, MergeKind.Counter)!).Value));
    }

    [Fact]
    public async Task Substitutes_take_writes_and_keep_none_of_them()
    {
        await using var cluster = SmallCluster.Start(5, new QuorumSpec(3, 2, 2, Sloppy: true));
        var list = cluster.Lists.ListOf(Cart.Token, 3);
        var first = list.Primaries[0];
        var side = new[] { first }.Concat(list.Fallbacks.ToArray()).Select(Number).ToArray();
        cluster.Partition(side, [.. list.Primaries[1..].ToArray().Select(Number)]);

        var answer = await cluster.Members[first].PutAsync(Cart, "milk");
        Assert.True(answer.Reached);
        Assert.True(answer.Fallbacks > 0);
        Assert.False(answer.Overlaps);
        await SettledAsync(cluster, [.. side]);
        cluster.Heal();
        await cluster.HandOverAsync();

        Assert.All(cluster.Copies(Cart), copy => Assert.Equal(["milk"], copy.Texts()));
        Assert.All(list.Fallbacks.ToArray(), node => Assert.True(cluster.Members[node].Replica.Read(Cart).IsEmpty));
    }

    [Fact]
    public async Task Without_substitutes_a_strict_write_on_the_smaller_side_is_not_acknowledged()
    {
        await using var cluster = SmallCluster.Start(5, new QuorumSpec(3, 2, 2, Sloppy: false));
        var list = cluster.Lists.ListOf(Cart.Token, 3);
        cluster.Partition([Number(list.Primaries[0])], [.. cluster.Nodes.Where(node => node != list.Nodes[0]).Select(Number)]);

        var answer = await cluster.Members[list.Nodes[0]].PutAsync(Cart, "milk");

        Assert.Equal((WriteEnd.Applied, false, 1), (answer.End, answer.Reached, answer.Answered));
    }

    [Fact]
    public async Task Trees_find_keys_without_hints()
    {
        await using var cluster = SmallCluster.Start(3, One);
        cluster.Partition([1], [2, 3]);
        for (var i = 0; i < 200; i++)
        {
            await cluster[1 + (i % 3)].PutAsync(Some.Key($"k{i % 70}"), $"v{i}");
        }

        await SettledAsync(cluster, 1, 2, 3);
        foreach (var member in cluster.Members.Values)
        {
            foreach (var node in cluster.Nodes)
            {
                await member.Handoff.DropAsync(node, CancellationToken.None);
            }
        }

        cluster.Heal();
        await cluster.CompareAsync();

        var roots = cluster.Members.Values.Select(member => string.Join(',', member.Replica.Trees.Roots(SmallCluster.Keyspace))).Distinct();
        Assert.Single(roots);
        Assert.Equal(200, Enumerable.Range(0, 70).Sum(i => cluster[1].Replica.Read(Some.Key($"k{i}")).Siblings.Length));
        Assert.True(cluster.Members.Values.Sum(member => member.Ledger.Rounds) == 3);
    }

    [Fact]
    public async Task A_read_repairs_the_replicas_it_finds_behind()
    {
        await using var cluster = SmallCluster.Start(3, One);
        cluster.Partition([1], [2, 3]);
        await cluster[1].PutAsync(Cart, "milk");
        await SettledAsync(cluster, 1);
        cluster.Heal();

        var read = await cluster[2].GetAsync(Cart, One with { R = 3 });
        while (cluster[2].Gets.RepairedCount < 2)
        {
            await Task.Yield();
        }

        Assert.Equal(["milk"], read.State.Texts());
        Assert.All(cluster.Copies(Cart), copy => Assert.Equal(["milk"], copy.Texts()));
    }

    [Fact]
    public async Task A_wiped_node_is_filled_again_and_loses_nothing_for_others()
    {
        await using var cluster = SmallCluster.Start(3, One);
        await cluster[1].PutAsync(Cart, "milk", spec: One with { W = 3 });
        await cluster[1].Replica.DropAsync(SmallCluster.Keyspace, CancellationToken.None);
        await cluster[1].PutAsync(Cart, "bread", spec: One with { W = 3 });

        await cluster.CompareAsync();

        Assert.All(cluster.Copies(Cart), copy => Assert.Equal(["bread", "milk"], copy.Texts()));
    }

    [Fact]
    public async Task A_node_that_was_away_does_not_revert_a_delete()
    {
        await using var cluster = SmallCluster.Start(3, One);
        var written = await cluster[1].PutAsync(Cart, "milk", spec: One with { W = 3 });
        cluster.Partition([1], [2, 3]);
        await cluster[2].WriteAsync(Cart, new DeleteSeen(ConflictPolicy.Siblings, written.State.Seen));
        await SettledAsync(cluster, 2);

        await cluster.BuryAsync();
        Assert.True(cluster[2].Replica.Read(Cart).IsTombstone);
        cluster.Heal();
        await cluster.CompareAsync();
        Assert.All(cluster.Copies(Cart), static copy => Assert.True(copy.IsTombstone));

        // Only now do all three have it, and no hints remain.
        await cluster.HandOverAsync();
        await cluster.BuryAsync();
        await cluster.CompareAsync();

        Assert.All(cluster.Copies(Cart), static copy => Assert.True(copy.IsEmpty));
        Assert.Equal(1, cluster.Members.Values.Sum(static member => member.Ledger.TombstonesRemoved));
    }

    [Fact]
    public async Task A_tombstone_stays_until_its_minimum_age()
    {
        await using var cluster = SmallCluster.Start(3, One, tombstoneAgeMin: TimeSpan.FromHours(1));
        var written = await cluster[1].PutAsync(Cart, "milk", spec: One with { W = 3 });
        await cluster[1].WriteAsync(Cart, new DeleteSeen(ConflictPolicy.Siblings, written.State.Seen), One with { W = 3 });

        await cluster.BuryAsync();

        Assert.All(cluster.Copies(Cart), static copy => Assert.True(copy.IsTombstone));
    }

    [Fact]
    public async Task A_key_that_a_substitute_kept_without_a_hint_goes_to_all_replica_holders()
    {
        await using var cluster = SmallCluster.Start(5, new QuorumSpec(3, 1, 1, Sloppy: true));
        var list = cluster.Lists.ListOf(Cart.Token, 3);
        var stray = cluster.Members[list.Fallbacks[0]];
        await stray.Replica.WriteAsync(Cart, new TakeState(SiblingSet.Empty.Write(VersionVector.Empty, Causality.Some.Value(9, 1, "milk")), null));

        await stray.Rounds.RunAsync(CancellationToken.None);

        Assert.All(cluster.Copies(Cart), copy => Assert.Equal(["milk"], copy.Texts()));
        Assert.True(stray.Replica.Read(Cart).IsEmpty);
        Assert.Equal(1, stray.Ledger.StraysHandedOver);
    }

    private static int Number(NodeId node) => node.Value[1] - '0';

    // A coordinator stores its hints after the caller has its answer; an earlier write is finished when this one is.
    private static async Task SettledAsync(SmallCluster cluster, params int[] numbers)
    {
        foreach (var number in numbers)
        {
            while (cluster[number].Puts.UnderWay > 0)
            {
                await Task.Yield();
            }
        }
    }
}
