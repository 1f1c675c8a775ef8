using KvRaft.V1;

namespace KvRaft.Integration.Tests.Hostile;

public sealed class LeaderHistoryTests
{
    private readonly LeaderHistory _history = new(replicas: 3);

    [Fact]
    public void A_gap_lasts_from_the_latest_first_answer_to_the_earliest_last_question()
    {
        Answer("n1", 0, 10, leader: "n2");
        Answer("n2", 0, 20, leader: "n2", leads: true);
        foreach (var time in new[] { 100, 2_000, 5_000 })
        {
            Answer("n1", time, time + 10, leader: "n2");
            Answer("n2", time + 5, time + 40, leader: "");
            Answer("n3", time + 9, time + 30, leader: "n2");
        }

        Assert.Equal(5_000 - 140, _history.LongestMs);
        Assert.Equal([1], _history.NotLedSince(100));
    }

    [Fact]
    public void A_majority_without_a_known_leader_proves_a_gap_without_the_third_answer()
    {
        Answer("n1", 0, 10, leader: "");
        Answer("n3", 0, 20, leader: "");
        Answer("n1", 4_000, 4_010, leader: "");
        Answer("n3", 3_000, 3_010, leader: "");

        Assert.Equal(3_000 - 20, _history.LongestMs);
    }

    [Fact]
    public void A_leader_that_does_not_answer_proves_no_gap_while_the_others_follow_it()
    {
        Answer("n2", 0, 10, leader: "n2", leads: true);
        foreach (var time in new[] { 100, 10_000, 20_000 })
        {
            Answer("n1", time, time + 1, leader: "n2");
            Answer("n3", time, time + 1, leader: "n2");
        }

        Assert.Equal(0, _history.LongestMs);
        Assert.Equal([1], _history.NotLedSince(100));
    }

    [Fact]
    public void Time_without_answers_does_not_extend_a_gap_and_a_leader_ends_it()
    {
        foreach (var time in new[] { 0, 1_000 })
        {
            Answer("n1", time, time + 1, leader: "");
            Answer("n2", time, time + 1, leader: "");
            Answer("n3", time, time + 1, leader: "");
        }

        Answer("n3", 30_000, 30_001, leader: "n3", leads: true);
        Answer("n1", 30_100, 30_101, leader: "n3");
        Answer("n2", 30_100, 30_101, leader: "");

        Assert.Equal(1_000 - 1, _history.LongestMs);
        Assert.Empty(_history.NotLedSince(30_000));
    }

    [Fact]
    public void An_answer_for_a_time_before_the_leader_answered_is_not_counted()
    {
        Answer("n2", 1_000, 1_010, leader: "n2", leads: true);
        Answer("n1", 0, 2_000, leader: "");
        Answer("n3", 1_001, 1_002, leader: "");
        Answer("n3", 9_000, 9_001, leader: "");
        Answer("n1", 9_000, 9_001, leader: "");

        Assert.Equal(0, _history.LongestMs);
    }

    private void Answer(string node, long asked, long answered, string leader, bool leads = false) =>
        _history.Add(node, asked, answered, [new GroupStatus { Group = 1, Leader = leader, Role = leads ? ReplicaRole.Leader : ReplicaRole.Follower }]);
}
