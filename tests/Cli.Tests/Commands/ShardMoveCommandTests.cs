using KvRaft.Cli.Commands;
using KvRaft.V1;

namespace KvRaft.Cli.Tests.Commands;

/// <summary>The scheduler <c>balance</c> moved a shard back as soon as it had been moved by hand, and kvctl reported the move as cancelled.</summary>
public sealed class ShardMoveCommandTests
{
    private static readonly MoveInfo Move = new() { Shard = 0, FromNode = "n2", ToNode = "n5", ToIncarnation = 4, Epoch = 60 };

    [Fact]
    public void The_history_has_the_end_of_a_move_that_was_reverted_by_another()
    {
        OperatorInfo[] history =
        [
            Ended(18, "n2", "n5", "cancelled", 70),
            Ended(16, "n5", "n2", "moved", 66),
            Ended(15, "n2", "n5", "moved", 63),
            Ended(9, "n2", "n5", "cancelled", 41),
        ];

        Assert.Equal(15, ShardMoveCommand.EndOf(Move, history)!.Number);
        Assert.Null(ShardMoveCommand.EndOf(Move, history[3..]));
    }

    [Fact]
    public void A_move_is_done_even_if_a_later_one_changed_the_shard_again()
    {
        Assert.Equal("[OK] Shard 0 moved in 5.8s; it is on n3, n5.", Text(Replica("n3", 1), Replica("n5", 4)));
        Assert.Equal(
            "[OK] Shard 0 moved in 5.8s; a later move changed it (kvctl operator history): it is on n2, n3.", Text(Replica("n2", 5), Replica("n3", 1)));
    }

    private static string Text(params ReplicaRoute[] replicas) => ShardMoveCommand.MovedText(Move, replicas, TimeSpan.FromSeconds(5.8));

    private static ReplicaRoute Replica(string node, long incarnation) => new() { NodeId = node, Incarnation = incarnation };

    private static OperatorInfo Ended(long number, string from, string to, string state, long epoch) =>
        new() { Number = number, Shard = 0, FromNode = from, ToNode = to, State = state, EndedEpoch = epoch };
}
