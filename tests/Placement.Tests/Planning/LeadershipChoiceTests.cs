using System.Collections.Immutable;
using KvRaft.Placement.Planning;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Tests.Planning;

public class LeadershipChoiceTests
{
    private static readonly LeadershipLeave All = new(MayEvict: true, MayLevel: true, MayCool: true);
    private static readonly ImmutableArray<NodeId> Everybody = [new("a"), new("b"), new("c")];

    /// <summary>Three nodes with two shards each; node "a" has the whole load.</summary>
    private static readonly LedShard[] Hot =
    [
        .. Enumerable.Range(0, 6).Select(static shard => new LedShard(new ShardId(shard), Everybody[shard / 2], Everybody) { Load = shard < 2 ? 1_000 : 0 }),
    ];

    [Fact]
    public void Leaders_that_must_not_lead_are_replaced_first()
    {
        var shards = Hot.Append(new LedShard(new ShardId(6), Everybody[2], [.. Everybody.Take(2)])).ToArray();
        var choice = Choose(shards, All);
        Assert.Equal((SchedulerKind.Drain, new ShardId(6)), (choice.By, Assert.Single(choice.Transfers).Shard));
        Assert.Empty(Choose(shards, All with { MayEvict = false }).Transfers);
    }

    [Fact]
    public void Counts_are_balanced_before_load_unless_their_scheduler_is_paused()
    {
        var shards = Hot.Select(static shard => shard.Shard.Value == 2 ? shard with { Leader = Everybody[2] } : shard).ToArray();
        Assert.Equal(SchedulerKind.LeaderBalance, Choose(shards, All).By);
        var choice = Choose(shards, All with { MayLevel = false });
        Assert.Equal(SchedulerKind.LoadBalance, choice.By);
        Assert.NotEmpty(choice.Transfers);
    }

    [Fact]
    public void Load_is_spread_where_numbers_are_fair()
    {
        var choice = Choose(Hot, All);
        Assert.Equal((SchedulerKind.LoadBalance, 2), (choice.By, choice.Transfers.Length));
        Assert.Empty(Choose(Hot, All with { MayCool = false }).Transfers);
    }

    private static LeadershipChoice Choose(LedShard[] shards, LeadershipLeave leave) =>
        LeadershipChoice.Of(shards, new Dictionary<NodeId, double>(), new HashSet<ShardId>(), leave, 8);
}
