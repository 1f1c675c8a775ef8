using KvRaft.Node.Routing;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Routing;

public sealed class RouteUpdatesTests
{
    private static RouteMap Map() => new() { Epoch = 3 };

    [Fact]
    public void The_first_update_has_the_map_and_all_known_leaders()
    {
        var update = new RouteUpdates(0).Next(3, Map, [Leader(0, "n1", 1), Leader(1, "", 0)])!;

        Assert.NotNull(update.Map);
        Assert.Equal("n1", Assert.Single(update.Leaders).NodeId);
    }

    [Fact]
    public void A_watcher_with_the_present_map_receives_one_update_and_then_only_changes()
    {
        var updates = new RouteUpdates(3);

        var first = updates.Next(3, Map, [Leader(0, "n1", 1)])!;
        Assert.Null(first.Map);
        Assert.Null(updates.Next(3, Map, [Leader(0, "n1", 1)]));
        Assert.Equal("n2", Assert.Single(updates.Next(3, Map, [Leader(0, "n2", 2)])!.Leaders).NodeId);
        Assert.Equal("", Assert.Single(updates.Next(3, Map, [Leader(0, "", 0)])!.Leaders).NodeId);
        Assert.NotNull(updates.Next(4, Map, [])!.Map);
    }

    private static LeaderHint Leader(int shard, string node, long term) => new() { Shard = shard, NodeId = node, Term = term };
}
