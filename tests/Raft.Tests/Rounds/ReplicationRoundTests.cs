using CsCheck;
using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Consensus;

namespace KvRaft.Raft.Tests.Rounds;

/// <summary>
/// How DotNext counts a round, and why <see cref="ReplicationAnswer"/> makes it safe for any number of voters (Raft, section 5.3: an entry is committed once the leader
/// has replicated it on a majority of the servers).
/// </summary>
public class ReplicationRoundTests
{
    private const long Checkpoint = 100;

    /// <summary>The index that a follower's answer acknowledges; null: it does not answer in time.</summary>
    private static readonly Gen<long?> Reached = Gen.OneOf(Gen.Const((long?)null), Gen.Const((long?)Checkpoint), Gen.Long[0, Checkpoint].Select(static index => (long?)index));

    private static readonly Gen<(int Voters, long?[] Answers, int Leader)> Rounds =
        from voters in Gen.Int[1, 9]
        from answers in Reached.Array[voters - 1]
        from leader in Gen.Int[0, voters - 1]
        select (voters, answers, leader);

    [Fact]
    public void The_model_of_a_round_decides_as_the_library_does() => Rounds.Sample(
        static round =>
        {
            var (model, library) = (new ReplicationRound(round.Voters), new LibraryRound(round.Voters, Checkpoint));
            foreach (var index in InOrder(round))
            {
                model.Add(index);
                library.Add(index);
                Assert.Equal(library.IsOver, model.IsOver);
                if (model.IsOver)
                {
                    Assert.Equal(library.Decide(), (model.HasConsensus, model.CommitIndex));
                    return;
                }
            }
        },
        iter: 5_000);

    [Fact]
    public void What_a_round_commits_is_held_by_a_majority_of_its_voters() => Rounds.Sample(
        static round =>
        {
            var counted = round with { Answers = [.. round.Answers.Select(static reached => reached is { } index ? Counted(index) : reached)] };
            Assert.True(IsProven(counted, round), "a minority holds what was committed");
        },
        iter: 100_000);

    /// <summary>The reason for the rule: without it five and seven voters commit entries that only a minority holds, and four commit entries that only half of them hold.</summary>
    [Theory]
    [InlineData(3, true)]
    [InlineData(4, false)]
    [InlineData(5, false)]
    [InlineData(7, false)]
    public void Answers_to_a_part_of_a_round_would_commit_on_a_minority(int voters, bool isSafe)
    {
        var majority = (voters / 2) + 1;
        var isProven = true;
        for (var behind = 0; behind < majority; behind++)
        {
            long?[] answers = [.. Enumerable.Repeat<long?>(40, behind), .. Enumerable.Repeat<long?>(Checkpoint, majority - 1 - Math.Min(behind, majority - 1))];
            var round = (voters, answers, 0);
            isProven &= IsProven(round, round);
        }

        Assert.Equal(isSafe, isProven);
    }

    [Fact]
    public void Only_an_answer_to_the_whole_round_is_counted_and_a_refusal_stays_one()
    {
        Assert.Equal(HeartbeatResult.ReplicatedWithLeaderTerm, ReplicationAnswer.Counted(Taken(HeartbeatResult.ReplicatedWithLeaderTerm), 100, 100).Value.Result);
        Assert.Equal(HeartbeatResult.Replicated, ReplicationAnswer.Counted(Taken(HeartbeatResult.ReplicatedWithLeaderTerm), 99, 100).Value.Result);
        Assert.Equal(HeartbeatResult.Rejected, ReplicationAnswer.Counted(Taken(HeartbeatResult.Rejected), 99, 100).Value.Result);
        Assert.Equal((7, 41), (ReplicationAnswer.Counted(Taken(HeartbeatResult.ReplicatedWithLeaderTerm), 99, 100).Term, ReplicationAnswer.Counted(Taken(HeartbeatResult.ReplicatedWithLeaderTerm), 99, 100).Value.LastIndex));
        Assert.True(ReplicationAnswer.IsTaken(Taken(HeartbeatResult.Replicated)) && ReplicationAnswer.IsTaken(Taken(HeartbeatResult.ReplicatedWithLeaderTerm)));
        Assert.False(ReplicationAnswer.IsTaken(Taken(HeartbeatResult.Rejected)) || ReplicationAnswer.IsTaken(Taken(HeartbeatResult.UnsupportedVersion)));
    }

    private static Result<ReplicationStatus> Taken(HeartbeatResult result) => new() { Term = 7, Value = new ReplicationStatus { Result = result, LastIndex = 41 } };

    private static long Counted(long reached) => ReplicationRound.IndexOf(ReplicationAnswer.Counted(Taken(HeartbeatResult.ReplicatedWithLeaderTerm), reached, Checkpoint), reached);

    /// <summary>The followers' answers, and the leader's, which arrives in its turn.</summary>
    private static IEnumerable<long?> InOrder((int Voters, long?[] Answers, int Leader) round) =>
        [.. round.Answers[..round.Leader], Checkpoint, .. round.Answers[round.Leader..]];

    /// <summary>A majority of the voters holds the entries that the round commits, if it commits any.</summary>
    private static bool IsProven((int Voters, long?[] Answers, int Leader) counted, (int Voters, long?[] Answers, int Leader) held)
    {
        var round = new ReplicationRound(counted.Voters);
        foreach (var index in InOrder(counted))
        {
            round.Add(index);
        }

        return !round.IsOver || round.CommitIndex == 0 || InOrder(held).Count(index => index >= round.CommitIndex) > counted.Voters / 2;
    }
}
