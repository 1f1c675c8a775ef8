using CsCheck;
using KvRaft.Client.Routing;

namespace KvRaft.Client.Tests.Routing;

public sealed class NodeChoiceTests
{
    private static readonly RouteTable Table = new(Maps.ThreeNodes(epoch: 1));

    [Fact]
    public void A_write_goes_to_the_leader()
    {
        Assert.Equal("h1:1", Pick(new NodeQuestion(2, false, null, null, 0)));
    }

    [Fact]
    public void A_hint_has_priority_over_the_cached_leader()
    {
        Assert.Equal("h3:3", Pick(new NodeQuestion(2, false, null, "h3:3", 0)));
    }

    [Fact]
    public void Reads_that_any_replica_may_answer_take_turns()
    {
        var picked = Enumerable.Range(0, 3).Select(turn => Pick(new NodeQuestion(2, true, null, null, turn)));

        Assert.Equal(["h1:1", "h2:2", "h3:3"], picked.Order());
    }

    [Fact]
    public void A_leader_that_just_failed_gives_way_to_another_replica()
    {
        Assert.NotEqual("h1:1", Pick(new NodeQuestion(2, false, "h1:1", null, 0)));
    }

    [Fact]
    public void Without_a_map_the_seeds_take_turns()
    {
        var picked = Enumerable.Range(0, 2).Select(turn =>
            NodeChoice.Pick(new NodeQuestion(null, false, null, null, turn), RouteTable.Empty, ["a:1", "b:1"], _ => false));

        Assert.Equal(["a:1", "b:1"], picked.Order());
    }

    [Fact]
    public void Suspects_are_shunned_only_as_long_as_there_are_others()
    {
        Gen.Select(Gen.Int, Gen.Bool, Gen.Int[0, 7], Gen.Int[-1, 2], Gen.Int[-1, 2]).Sample((turn, anyReplica, suspects, avoid, hinted) =>
        {
            string?[] names = ["h1:1", "h2:2", "h3:3"];
            bool IsSuspect(string endpoint) => (suspects & (1 << Array.IndexOf(names, endpoint))) != 0;
            var question = new NodeQuestion(1, anyReplica, avoid < 0 ? null : names[avoid], hinted < 0 ? null : names[hinted], turn);

            var picked = NodeChoice.Pick(question, Table, ["h2:2"], IsSuspect);

            Assert.Contains(picked, names);
            var good = names.Where(name => !IsSuspect(name!) && name != question.Avoid).ToList();
            Assert.True(good.Count == 0 || good.Contains(picked));
            Assert.True(good.Count > 0 || picked != question.Avoid);
        });
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(int.MaxValue)]
    public void Where_turns_wrap_around_no_node_is_left_out(int turn)
    {
        foreach (var good in new[] { "h1:1", "h2:2", "h3:3" })
        {
            var question = new NodeQuestion(1, AnyReplica: true, null, null, turn);

            Assert.Equal(good, NodeChoice.Pick(question, Table, [], endpoint => endpoint != good));
        }
    }

    [Fact]
    public void When_all_nodes_of_the_map_are_silent_the_seeds_are_asked()
    {
        var question = new NodeQuestion(1, false, "h1:1", "h3:3", 0);

        Assert.Equal("seed:1", NodeChoice.Pick(question, Table, ["seed:1"], endpoint => endpoint != "seed:1"));
    }

    private static string Pick(NodeQuestion question) => NodeChoice.Pick(question, Table, ["seed:1"], _ => false);
}
