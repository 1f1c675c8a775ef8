using CsCheck;
using KvRaft.Raft.Peers;

namespace KvRaft.Raft.Tests.Peers;

public sealed class TermPollTests
{
    /// <summary>For any order of the answers: decided once enough are yes, or once too few are left, and not before.</summary>
    [Fact]
    public void It_is_decided_as_soon_as_it_can_be_and_stays_so() =>
        Gen.Select(Gen.Bool.Array[1, 9], Gen.Int[1, 9]).Sample((answers, wanted) =>
        {
            var needed = Math.Min(wanted, answers.Length);
            var poll = new TermPoll(answers.Length, needed);
            var (yes, no) = (0, 0);
            bool? decided = null;
            foreach (var answer in answers)
            {
                (yes, no) = answer ? (yes + 1, no) : (yes, no + 1);
                poll.Count(answer);
                decided ??= yes >= needed ? true : no > answers.Length - needed ? false : null;
                Assert.Equal(decided, poll.Result.IsCompleted ? poll.Result.Result : null);
            }

            Assert.NotNull(decided);
        });

    [Fact]
    public async Task Answers_at_the_same_moment_decide_it_once()
    {
        for (var round = 0; round < 200; round++)
        {
            var poll = new TermPoll(8, 4);
            Parallel.For(0, 8, i => poll.Count(i % 2 == 0));
            Assert.True(await poll.Result.WaitAsync(TimeSpan.FromSeconds(30)));
        }
    }
}
