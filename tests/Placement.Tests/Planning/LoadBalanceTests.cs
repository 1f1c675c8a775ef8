using System.Collections.Immutable;
using CsCheck;
using KvRaft.Placement.Planning;
using KvRaft.Topology;

namespace KvRaft.Placement.Tests.Planning;

public class LoadBalanceTests
{
    private static readonly IReadOnlySet<ShardId> Nobody = new HashSet<ShardId>();
    private static readonly Dictionary<NodeId, double> Even = [];

    [Fact]
    public void Two_busy_shards_of_one_node_part_and_the_numbers_stay()
    {
        LedShard[] shards = [Shard(0, "a", 2_000), Shard(1, "a", 2_000), Shard(2, "b", 10), Shard(3, "b", 20), Shard(4, "c", 20), Shard(5, "c", 20)];
        var step = LoadBalance.Next(shards, Even, Nobody);
        Assert.Equal([Transfer(0, "a", "b"), Transfer(2, "b", "a")], step);
        Assert.Empty(LoadBalance.Next(shards.After(step), Even, Nobody));
    }

    [Fact]
    public void A_node_below_its_share_receives_a_leadership_without_an_exchange()
    {
        LedShard[] shards = [Shard(0, "a", 900), Shard(1, "a", 800), Shard(2, "b", 10), Shard(3, "c", 500)];
        Assert.Equal([Transfer(1, "a", "b")], LoadBalance.Next(shards, Even, Nobody));
    }

    [Fact]
    public void A_shard_that_is_the_whole_load_of_its_node_is_not_moved()
    {
        LedShard[] shards = [Shard(0, "a", 9_000), Shard(1, "a", 5), Shard(2, "b", 5), Shard(3, "b", 5), Shard(4, "c", 5), Shard(5, "c", 5)];
        Assert.Empty(LoadBalance.Next(shards, Even, Nobody));
    }

    [Fact]
    public void A_low_request_rate_is_not_a_load()
    {
        LedShard[] shards = [Shard(0, "a", 49), Shard(1, "a", 49), Shard(2, "b", 0), Shard(3, "b", 0), Shard(4, "c", 0), Shard(5, "c", 0)];
        Assert.Empty(LoadBalance.Next(shards, Even, Nobody));
    }

    [Fact]
    public void A_node_of_higher_weight_keeps_more_load()
    {
        LedShard[] shards = [Shard(0, "a", 300), Shard(1, "a", 300), Shard(2, "b", 150), Shard(3, "b", 150), Shard(4, "c", 150), Shard(5, "c", 150)];
        Assert.NotEmpty(LoadBalance.Next(shards, Even, Nobody));
        Assert.Empty(LoadBalance.Next(shards, new Dictionary<NodeId, double> { [new NodeId("a")] = 2 }, Nobody));
    }

    [Fact]
    public void A_shard_with_a_recent_change_of_leader_takes_no_part()
    {
        LedShard[] shards = [Shard(0, "a", 900), Shard(1, "a", 900), Shard(2, "b", 0), Shard(3, "b", 0), Shard(4, "c", 0), Shard(5, "c", 0)];
        Assert.Empty(LoadBalance.Next(shards, Even, new HashSet<ShardId> { new(1) }));
        Assert.All(LoadBalance.Next(shards, Even, new HashSet<ShardId> { new(2) }), static step => Assert.DoesNotContain(new NodeId("b"), (NodeId[])[step.From, step.To]));
    }

    /// <summary>
    /// For any load: each step reduces the larger load of its two nodes by a tenth and changes no other node, the counts stay fair, the steps end,
    /// and at the end no exchange of one leadership for another, tried one by one, would have been a sufficient gain.
    /// </summary>
    [Fact]
    public void It_ends_where_no_step_has_the_required_gain() =>
        Gen.Select(Gen.Int[1, 100_000], Gen.Int[3, 8], Gen.Int[3, 30]).Sample(
            (seed, nodes, count) =>
            {
                var random = new Random(seed);
                var names = Enumerable.Range(0, nodes).Select(static i => new NodeId($"n{i}")).ToArray();
                var weights = names.ToDictionary(static node => node, _ => 0.5 + random.NextDouble());
                var shards = Enumerable.Range(0, count).Select(shard =>
                {
                    ImmutableArray<NodeId> replicas = [.. names.OrderBy(_ => random.Next()).Take(3)];
                    return new LedShard(new ShardId(shard), replicas[0], replicas) { Load = random.Next(4) == 0 ? 0 : Math.Pow(10, 4 * random.NextDouble()) };
                }).ToArray();
                while (LeaderBalance.Next(shards, weights, Nobody, 8) is { Count: > 0 } level)
                {
                    shards = shards.After(level);
                }

                for (var steps = 0; LoadBalance.Next(shards, weights, Nobody) is { Count: > 0 } step; steps++)
                {
                    Assert.True(steps < 1_000, "it does not come to rest");
                    var after = shards.After(step);
                    AssertWorthIt(shards, after, step, weights);
                    Assert.Empty(LeaderBalance.Next(after, weights, Nobody, 8));
                    shards = after;
                }

                foreach (var step in Exchanges(shards))
                {
                    var pair = (NodeId[])[step[0].From, step[0].To];
                    var before = pair.Max(node => Heat(shards, node, weights));
                    Assert.False(
                        Heat(shards, step[0].From, weights) == before && IsBusy(shards, step[0].From, weights) && pair.Max(node => Heat(shards.After(step), node, weights)) < LoadBalance.Gain * before * (1 - 1e-9),
                        $"{string.Join(" and ", step)} was not seen");
                }
            },
            iter: 300);

    private static void AssertWorthIt(LedShard[] before, LedShard[] after, IReadOnlyList<LeaderTransfer> step, Dictionary<NodeId, double> weights)
    {
        var pair = (NodeId[])[step[0].From, step[0].To];
        Assert.True(pair.Max(node => Heat(after, node, weights)) <= LoadBalance.Gain * pair.Max(node => Heat(before, node, weights)) * (1 + 1e-9));
        Assert.All(step, transfer =>
        {
            Assert.Contains(transfer.From, pair);
            Assert.Contains(transfer.To, pair);
        });
    }

    private static IEnumerable<LeaderTransfer[]> Exchanges(LedShard[] shards) =>
        from given in shards
        from taken in shards
        where given.Leader != taken.Leader && given.Candidates.Contains(taken.Leader) && taken.Candidates.Contains(given.Leader)
        select (LeaderTransfer[])[new(given.Shard, given.Leader, taken.Leader), new(taken.Shard, taken.Leader, given.Leader)];

    private static bool IsBusy(LedShard[] shards, NodeId node, Dictionary<NodeId, double> weights)
    {
        var load = shards.Where(shard => shard.Leader == node).Sum(static shard => shard.Load);
        var present = shards.SelectMany(static shard => shard.Candidates).Distinct().Sum(each => weights[each]);
        return load >= LoadBalance.LoadMin && load / weights[node] > LoadBalance.Tolerance * shards.Sum(static shard => shard.Load) / present * (1 + 1e-9);
    }

    private static double Heat(LedShard[] shards, NodeId node, Dictionary<NodeId, double> weights) =>
        shards.Where(shard => shard.Leader == node).Sum(static shard => shard.Load) / weights[node];

    private static LedShard Shard(int number, string leader, double load) =>
        new(new ShardId(number), new NodeId(leader), [new NodeId("a"), new NodeId("b"), new NodeId("c")]) { Load = load };

    private static LeaderTransfer Transfer(int shard, string from, string to) => new(new ShardId(shard), new NodeId(from), new NodeId(to));
}
