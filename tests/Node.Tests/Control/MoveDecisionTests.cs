using CsCheck;
using KvRaft.Node.Control;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Node.Tests.Control;

/// <summary>Single decisions, and then a whole simulated move: leaders change and steps fail at random at every turn.</summary>
public sealed class MoveDecisionTests
{
    private static readonly Replica From = new(new NodeId("n1"), 1);
    private static readonly Replica A = new(new NodeId("n2"), 1);
    private static readonly Replica B = new(new NodeId("n3"), 1);
    private static readonly Replica To = new(new NodeId("n4"), 2);
    private static readonly ShardMove Move = new(new ShardId(0), From, To, IsCancelling: false);

    private static readonly MoveFacts Begun = new()
    {
        Self = A.Node,
        Move = Move,
        Voters = [From, A, B],
        IsSettled = true,
        Strays = [],
        Missing = [],
        Lag = 0,
        Votes = true,
    };

    [Fact]
    public void The_new_replica_is_added_when_it_follows_closely() =>
        AssertStep(MoveStepKind.Add, To, Begun with { Lag = MoveDecision.LagMax });

    [Theory]
    [InlineData(null)]
    [InlineData(MoveDecision.LagMax + 1)]
    public void The_new_replica_is_not_added_while_it_is_absent_or_behind(long? lag) => AssertWaits(Begun with { Lag = lag });

    [Theory]
    [InlineData(null)]
    [InlineData(MoveDecision.LagMax + 1)]
    public void The_old_replica_stays_while_the_new_voter_is_absent_or_behind(long? lag) =>
        AssertWaits(Begun with { Voters = [From, A, B, To], Lag = lag });

    /// <summary>Its log was filled outside of Raft rounds; as a voter it had not answered yet, and a leadership transfer to it failed after two seconds.</summary>
    [Fact]
    public void The_old_replica_stays_while_the_new_voter_does_not_know_that_it_votes() =>
        AssertWaits(Begun with { Voters = [From, A, B, To], Votes = false });

    [Fact]
    public void The_old_replica_is_removed_when_the_new_voter_follows() =>
        AssertStep(MoveStepKind.Remove, From, Begun with { Voters = [From, A, B, To] });

    [Fact]
    public void A_leader_that_is_to_be_removed_transfers_to_its_replacement() =>
        AssertStep(MoveStepKind.HandOver, To, Begun with { Self = From.Node, Voters = [From, A, B, To] });

    /// <summary>Without the check, a map that names replicas which never joined the group would make its leader remove the voters one by one, to the last.</summary>
    [Fact]
    public void No_voter_is_removed_for_a_map_whose_replicas_do_not_vote() =>
        AssertWaits(Begun with { Move = null, Strays = [From, B], Missing = [To] });

    [Fact]
    public void A_stray_voter_is_removed_once_all_that_the_map_names_vote() =>
        AssertStep(MoveStepKind.Remove, To, Begun with { Move = null, Voters = [From, A, B, To], Strays = [To] });

    [Fact]
    public void Nothing_is_done_while_a_change_is_under_way() => AssertWaits(Begun with { IsSettled = false });

    [Fact]
    public void The_end_is_reported_when_the_old_replica_is_gone() =>
        Assert.Equal(MoveStep.Finish(To, MoveEnd.Moved), MoveDecision.Next(Begun with { Voters = [A, B, To], Lag = null }));

    [Fact]
    public void A_cancelled_move_that_added_no_voter_ends_at_once() =>
        Assert.Equal(MoveStep.Finish(To, MoveEnd.Cancelled), MoveDecision.Next(Cancelled with { Lag = null }));

    [Fact]
    public void A_cancelled_move_takes_the_new_voter_out_again() =>
        AssertStep(MoveStepKind.Remove, To, Cancelled with { Voters = [From, A, B, To], Lag = null });

    [Fact]
    public void A_new_voter_that_leads_hands_back_to_the_old_one() =>
        AssertStep(MoveStepKind.HandOver, From, Cancelled with { Self = To.Node, Voters = [From, A, B, To] });

    [Fact]
    public void A_move_past_the_point_of_no_return_is_finished() =>
        Assert.Equal(MoveStep.Finish(To, MoveEnd.Moved), MoveDecision.Next(Cancelled with { Voters = [A, B, To] }));

    [Fact]
    public void A_voter_of_a_move_that_is_over_is_removed() =>
        AssertStep(MoveStepKind.Remove, To, Begun with { Move = null, Voters = [From, A, B, To], Strays = [To] });

    [Fact]
    public void Without_a_move_nothing_is_done() => AssertWaits(Begun with { Move = null });

    /// <summary>
    /// A simulated group: in each turn some node leads, the new replica is near, far or unreachable, a step succeeds or fails, and perhaps the move is
    /// cancelled. There are never fewer voters than at first, one changes at a time, and the move ends when all nodes are healthy.
    /// </summary>
    [Fact]
    public void A_move_ends_with_enough_voters_for_any_failures_and_leader_changes() =>
        Gen.Select(Gen.Int[0, 3], Gen.Int[0, 3], Gen.Bool, Gen.Int[0, 30]).List[0, 25].Sample(turns =>
        {
            var facts = Begun;
            MoveEnd? end = null;
            foreach (var (leader, lag, works, cancel) in turns.Concat(Enumerable.Repeat((0, 0, true, 1), 12)))
            {
                facts = facts with
                {
                    Self = facts.Voters[leader % facts.Voters.Count].Node,
                    Lag = lag switch { 0 or 3 => 0, 1 => null, _ => 100_000 },
                    Votes = lag != 3,
                    Move = cancel == 0 ? facts.Move! with { IsCancelling = true } : facts.Move,
                };
                var step = MoveDecision.Next(facts);
                if (works && step.Kind == MoveStepKind.HandOver)
                {
                    Assert.NotEqual(facts.Self, step.Replica.Node);
                    facts = facts with { Self = step.Replica.Node };
                    step = MoveDecision.Next(facts);
                }

                (facts, end) = works ? Take(facts, step) : (facts, null);
                Assert.InRange(facts.Voters.Count, 3, 4);
                if (end is not null)
                {
                    break;
                }
            }

            Assert.NotNull(end);
            Assert.Equal(end == MoveEnd.Moved ? [A, B, To] : [From, A, B], facts.Voters.Order(Comparer<Replica>.Create((x, y) => x.Node.CompareTo(y.Node))));
        });

    private static MoveFacts Cancelled => Begun with { Move = Move with { IsCancelling = true } };

    private static (MoveFacts Facts, MoveEnd? End) Take(MoveFacts facts, MoveStep step)
    {
        switch (step.Kind)
        {
            case MoveStepKind.Add:
                Assert.True(facts.Lag <= MoveDecision.LagMax);
                return (facts with { Voters = [.. facts.Voters, step.Replica] }, null);
            case MoveStepKind.Remove:
                Assert.NotEqual(facts.Self, step.Replica.Node);
                return (facts with { Voters = [.. facts.Voters.Where(voter => voter != step.Replica)] }, null);
            case MoveStepKind.Finish:
                return (facts, step.End);
            default:
                return (facts, null);
        }
    }

    private static void AssertWaits(MoveFacts facts) => Assert.Equal(MoveStepKind.Wait, MoveDecision.Next(facts).Kind);

    private static void AssertStep(MoveStepKind kind, Replica replica, MoveFacts facts)
    {
        var step = MoveDecision.Next(facts);
        Assert.Equal((kind, replica), (step.Kind, step.Replica));
    }
}
