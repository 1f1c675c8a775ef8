using KvRaft.Placement.Planning;
using KvRaft.Placement.Rules;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Tests.Planning;

public class RingHistoryTests
{
    [Fact]
    public void Every_earlier_map_comes_back_from_the_present_one_and_the_record()
    {
        for (var seed = 1; seed <= 5; seed++)
        {
            var world = new World(seed, nodes: 4, shardCount: 16, replicationFactor: 3);
            var maps = new Dictionary<long, string>();
            for (var tick = 0; tick < 400 && world.State.Operations.History.Length < PlacementLimits.HistoryMax; tick++)
            {
                if (tick % 20 == 0)
                {
                    world.Chance();
                }

                world.Tick();
                maps[world.State.Epoch.Value] = Text(world.State.Map!.Shards.Select(static shard => shard.Replicas.Select(static replica => replica.Node)));
            }

            var earliest = RingHistory.Earliest(world.State).Value;
            Assert.All(
                maps.Where(map => map.Key >= earliest), map => Assert.Equal(map.Value, Text(RingHistory.At(world.State, new Epoch(map.Key)).Select(static nodes => nodes.AsEnumerable()))));
        }

        // The order of replicas has no meaning.
        static string Text(IEnumerable<IEnumerable<NodeId>> shards) => string.Join(' ', shards.Select(static nodes => string.Join(',', nodes.Order())));
    }

    [Fact]
    public void Epochs_before_the_history_or_in_the_future_are_refused()
    {
        var state = SomeCommands.Founded();
        Assert.Equal(1, RingHistory.Earliest(state).Value);
        Assert.Empty(RingHistory.Between(state, new Epoch(1), new Epoch(1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => RingHistory.Between(state, new Epoch(0), new Epoch(1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => RingHistory.Between(state, new Epoch(1), new Epoch(2)));
    }

    [Fact]
    public void A_history_that_is_older_than_epochs_starts_at_its_first_epoch()
    {
        var state = SomeCommands.After(
            SomeCommands.Init,
            new StartMove(new ShardId(0), SomeCommands.On(0)[0], SomeCommands.Off(0)),
            new FinishMove(new ShardId(0), new Replica(SomeCommands.Off(0), 2), MoveEnd.Moved));
        Assert.Equal(3, Assert.Single(RingHistory.Between(state, new Epoch(1), new Epoch(3))).Epoch.Value);
        Assert.Equal(SomeCommands.On(0).Order(), RingHistory.At(state, new Epoch(1))[0].Order());

        var old = state.Next(operations: state.Operations with { History = [state.Operations.History[0] with { Epoch = default }] });
        Assert.Equal(old.Epoch, RingHistory.Earliest(old));
        var later = PlacementRules.Apply(
            PlacementRules.Apply(old, new StartMove(new ShardId(0), SomeCommands.Off(0), SomeCommands.On(0)[0])).State,
            new FinishMove(new ShardId(0), new Replica(SomeCommands.On(0)[0], 2), MoveEnd.Moved)).State;
        Assert.Equal(6, RingHistory.Earliest(later).Value);
    }
}
