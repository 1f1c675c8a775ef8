using CsCheck;
using KvRaft.Placement.Rules;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Tests.Rules;

public class MoveRulesTests
{
    private static readonly ShardId Shard = new(1);
    private static readonly NodeId From = SomeCommands.On(1)[0];
    private static readonly NodeId To = SomeCommands.Off(1);

    [Fact]
    public void A_move_leaves_the_map_alone_until_it_is_finished_and_then_swaps_in_place()
    {
        var started = SomeCommands.After(SomeCommands.Init, new StartMove(Shard, From, To));
        Assert.Equal(new ShardMove(Shard, new Replica(From, 1), new Replica(To, 2), IsCancelling: false), Assert.Single(started.Moves));
        Assert.Equal(SomeCommands.On(1), started.Map![Shard].Replicas.Select(replica => replica.Node));

        var (finished, outcome) = PlacementRules.Apply(started, new FinishMove(Shard, new Replica(To, 2), MoveEnd.Moved));
        Assert.Equal(started.Epoch.Value + 1, Assert.IsType<MoveFinished>(outcome).Epoch.Value);
        Assert.Empty(finished.Moves);
        Assert.Equal([new Replica(To, 2), new Replica(SomeCommands.On(1)[1], 1)], finished.Map![Shard].Replicas);
    }

    [Fact]
    public void A_cancelled_move_ends_with_the_map_it_began_with()
    {
        var state = SomeCommands.After(
            SomeCommands.Init, new StartMove(Shard, From, To), new CancelMove(Shard), new FinishMove(Shard, new Replica(To, 2), MoveEnd.Cancelled));
        Assert.Empty(state.Moves);
        Assert.Equal(SomeCommands.Founded().Map![Shard].Replicas, state.Map![Shard].Replicas);
        Assert.True(state.IsOver(Shard, new Replica(To, 2)));
    }

    [Fact]
    public void A_move_past_the_point_of_no_return_may_finish()
    {
        var state = SomeCommands.After(
            SomeCommands.Init, new StartMove(Shard, From, To), new CancelMove(Shard), new FinishMove(Shard, new Replica(To, 2), MoveEnd.Moved));
        Assert.Equal(new Replica(To, 2), state.Map![Shard].ReplicaOn(To));
    }

    [Fact]
    public void A_move_that_is_not_cancelling_cannot_end_as_cancelled()
    {
        var started = SomeCommands.After(SomeCommands.Init, new StartMove(Shard, From, To));
        var (state, outcome) = PlacementRules.Apply(started, new FinishMove(Shard, new Replica(To, 2), MoveEnd.Cancelled));
        Assert.Same(started, state);
        Assert.Equal(PlacementRefusal.MoveUnderWay, Assert.IsType<PlacementRefused>(outcome).Reason);
    }

    // A repeated or late end of one move must not end the next.
    [Fact]
    public void The_end_of_an_older_move_changes_nothing()
    {
        var there = new FinishMove(Shard, new Replica(To, 2), MoveEnd.Moved);
        var state = SomeCommands.After(SomeCommands.Init, new StartMove(Shard, From, To), there, new StartMove(Shard, To, From));
        var (after, outcome) = PlacementRules.Apply(state, there);
        Assert.Same(state, after);
        Assert.IsType<MoveFinished>(outcome);
    }

    [Fact]
    public void An_ended_replica_stays_ended_and_an_incarnation_is_never_reused() =>
        SomeCommands.Any.List[0, 40].Sample(commands =>
        {
            var state = SomeCommands.Founded();
            var given = new HashSet<(ShardId, Replica)>();
            var over = new HashSet<(ShardId Shard, Replica Replica)>();
            foreach (var command in commands)
            {
                var (next, outcome) = PlacementRules.Apply(state, command);
                if (outcome is MoveStarted { Existed: false } started)
                {
                    Assert.True(given.Add((started.Move.Shard, started.Move.To)));
                    Assert.DoesNotContain((started.Move.Shard, started.Move.To), over);
                }

                foreach (var shard in next.Map!.Shards)
                {
                    Assert.Equal(next.Map.ReplicationFactor, shard.Replicas.Length);
                    over.UnionWith(SomeCommands.Nodes(4)
                        .SelectMany(node => Enumerable.Range(1, 6).Select(incarnation => new Replica(node.Id, incarnation)))
                        .Where(replica => next.IsOver(shard.Id, replica))
                        .Select(replica => (shard.Id, replica)));
                }

                Assert.All(over, gone => Assert.True(next.IsOver(gone.Shard, gone.Replica)));
                state = next;
            }
        });
}
