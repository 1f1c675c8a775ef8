using CsCheck;
using KvRaft.Raft.Groups;
using KvRaft.Raft.Log;
using KvRaft.Raft.Peers;
using KvRaft.Topology;

namespace KvRaft.Raft.Tests.Peers;

public sealed class TermFrameTests
{
    [Fact]
    public void Golden_bytes() =>
        Assert.Equal(
            "110000000300000002010000000000000100000001000000FFFFFFFFFFFFFF7F",
            Convert.ToHexString(TermFrame.Encode([Question(17, 3, 258), Question(1, 1, long.MaxValue)])));

    [Fact]
    public void Written_values_are_read_back() =>
        Gen.Select(Gen.Int[0, 1000], Gen.Int[1, 1000], Gen.Long[0, long.MaxValue]).Array[0, 100].Sample(raw =>
        {
            var questions = raw.Select(static each => Question(each.Item1, each.Item2, each.Item3)).ToArray();
            Assert.Equal(questions, TermFrame.Decode(TermFrame.Encode(questions)));
        });

    [Theory]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData((TermFrame.QuestionsMax + 1) * TermFrame.QuestionLength)]
    public void A_malformed_list_of_questions_is_refused(int length) =>
        Assert.Contains($"a body of {length} bytes does not consist of", Assert.Throws<PeerRequestException>(() => TermFrame.Decode(new byte[length])).Message, StringComparison.Ordinal);

    private static TermQuestion Question(int group, int incarnation, long term) => new(new ReplicaKey(new GroupId(group), incarnation), term);
}
