using CsCheck;
using KvRaft.Raft.Groups;
using KvRaft.Raft.Leadership;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Options;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Raft.Tests.Groups;

public sealed class SuccessionTests
{
    private static readonly Gen<(NodeId Node, LogPosition Last, bool IsSkewed)[]> Survivors =
        Gen.Select(Gen.Int[1, 3], Gen.Int[1, 5], Gen.Bool).Array[1, 5]
            .Select(ends => ends.Select((end, i) => (new NodeId($"n{i + 1}"), new LogPosition(end.Item1, end.Item2), end.Item3)).ToArray());

    [Fact]
    public void All_survivors_choose_the_same_candidate_with_the_longest_log_and_the_better_clock() =>
        Gen.Select(Survivors, Gen.Int[0, 4], Gen.Int[0, 1023]).Sample((survivors, turned, number) =>
        {
            var (group, voters) = (new GroupId(number), survivors.Select(each => each.Node).ToArray());
            var candidate = Succession.Candidate(group, voters, survivors);
            var last = survivors.Single(each => each.Node == candidate).Last;
            var longest = survivors.Max(each => (each.Last.Term, each.Last.Index));
            return longest == (last.Term, last.Index)
                && (!survivors.Single(each => each.Node == candidate).IsSkewed || survivors.All(each => each.IsSkewed || (each.Last.Term, each.Last.Index) != longest))
                && candidate == Succession.Candidate(group, [.. voters.Reverse()], [.. survivors.Skip(turned), .. survivors.Take(turned)]);
        });

    [Theory]
    [InlineData(3, 1)]
    [InlineData(4, 2)]
    [InlineData(5, 2)]
    public void A_minority_has_no_successor_candidate(int voters, int survivors) =>
        Assert.Null(Succession.Candidate(new GroupId(1), Nodes(voters), [.. Nodes(survivors).Select(node => (node, new LogPosition(1, 1), false))]));

    [Theory]
    [InlineData(3)]
    [InlineData(5)]
    public void The_groups_of_a_dead_leader_are_shared_among_the_others(int voters)
    {
        // All groups used to choose the first node by name, which then had that many elections to win at once.
        var nodes = Nodes(voters);
        var shares = Enumerable.Range(0, 64 * voters).CountBy(number => Succession.Candidate(
            new GroupId(number), nodes, [.. nodes.Skip(1).Select(node => (node, new LogPosition(1, 1), false))])!.Value).ToArray();
        Assert.Equal(voters - 1, shares.Length);
        Assert.All(shares, share => Assert.InRange(share.Value, 64, 128));
    }

    [Fact]
    public async Task A_leader_whose_process_is_gone_is_succeeded_long_before_any_timeout()
    {
        await using var cluster = await StartPatientAsync();
        await cluster.CrashNodeAsync(cluster.Nodes[0]);
        await GoesOnWithoutTheFirstAsync(cluster);
    }

    /// <summary>A missing first answer or vote cost a whole election timeout: one failover in fifty took two seconds.</summary>
    [Fact]
    public async Task A_candidate_that_was_rejected_campaigns_again()
    {
        await using var cluster = await StartPatientAsync();
        var (first, second, third) = (cluster.Nodes[0], cluster.Nodes[1], cluster.Nodes[2]);

        // Neither of the two reaches the other, so neither is a successor candidate.
        cluster.Gate.Isolate(second, [third]);
        var (there, back) = (cluster.Gate.Refused(second, third), cluster.Gate.Refused(third, second));
        await cluster.CrashNodeAsync(first);
        await RaftTestCluster.EventuallyAsync(
            () => cluster.Gate.Refused(second, third) > there && cluster.Gate.Refused(third, second) > back, "both to have asked in vain");
        cluster.Gate.Heal();
        await GoesOnWithoutTheFirstAsync(cluster);
    }

    /// <summary>The fault came out of the search for a leader when the replica was closed, and the groups after it stayed open.</summary>
    [Fact]
    public async Task A_successor_that_cannot_apply_its_first_entry_fails_and_is_closed_all_the_same()
    {
        await using var cluster = await StartPatientAsync();
        var survivors = cluster.Nodes.Skip(1).ToArray();
        foreach (var node in survivors)
        {
            cluster.Machine(node).Fault = new IOException("the disk is gone");
        }

        await cluster.CrashNodeAsync(cluster.Nodes[0]);
        await RaftTestCluster.EventuallyAsync(
            () => survivors.Any(node => cluster.Group(node).Status() is { State: ReplicaState.Failed, Note: "the disk is gone" }), "the successor to fail");
        foreach (var node in survivors)
        {
            await cluster.StopNodeAsync(node);
            Assert.False(cluster.IsUp(node));
        }
    }

    [Fact]
    public async Task A_link_that_breaks_proves_nothing_and_the_leader_stays()
    {
        await using var cluster = await StartPatientAsync();
        var (first, second, third) = (cluster.Nodes[0], cluster.Nodes[1], cluster.Nodes[2]);
        var term = cluster.Group(first).Term;

        cluster.Gate.Isolate(first, [second]);
        await cluster.AppendAsync("meanwhile");
        cluster.Gate.Heal();
        await cluster.AppendAsync("after");

        await cluster.ConvergedAsync();
        Assert.True(cluster.Group(first).IsLeader);
        Assert.All([first, second, third], node => Assert.Equal(term, cluster.Group(node).Term));
    }

    [Fact]
    public async Task A_leader_that_resigns_is_succeeded_long_before_any_timeout()
    {
        await using var cluster = await StartPatientAsync();
        await cluster.Group(cluster.Nodes[0]).ResignAsync(CancellationToken.None);
        await GoesOnWithoutTheFirstAsync(cluster);
    }

    [Fact]
    public async Task A_leader_whose_replica_fails_is_succeeded_long_before_any_timeout()
    {
        await using var cluster = await StartPatientAsync();
        cluster.Group(cluster.Nodes[0]).Fail(new IOException("for this test"));
        Assert.NotEqual(cluster.Nodes[0], await cluster.LeaderAsync());
        await cluster.AppendAsync("after");
    }

    [Fact]
    public async Task An_isolated_leader_is_replaced_and_follows_when_it_is_reachable_again()
    {
        await using var cluster = await StartWatchfulAsync();
        var first = cluster.Nodes[0];
        cluster.Gate.Isolate(first, cluster.Nodes);
        await RaftTestCluster.EventuallyAsync(() => cluster.Nodes.Skip(1).Any(node => cluster.Group(node).IsLeader), "another to lead");
        Assert.True(cluster.Group(cluster.Nodes[1]).Leader != first && cluster.Group(cluster.Nodes[2]).Leader != first);
        cluster.Gate.Heal();
        await RaftTestCluster.EventuallyAsync(() => !cluster.Group(first).IsLeader && cluster.Group(first).Leader is not null, "the first to follow");
        await cluster.AppendAsync("after");
        Assert.Equal(["before", "after"], await cluster.ConvergedAsync());
    }

    [Fact]
    public async Task A_replica_without_a_leader_does_not_depose_the_leader_of_the_others()
    {
        await using var cluster = await StartWatchfulAsync();
        var (first, second) = (cluster.Nodes[0], cluster.Nodes[1]);
        var term = cluster.Group(first).Term;
        cluster.Gate.Isolate(first, [second]);
        await RaftTestCluster.EventuallyAsync(() => cluster.Group(second).Leader is null, "the second to have no leader");

        // It has queried the third voter, received the answer, and queried again.
        await cluster.Group(second).Search.RunAsync(gone: null, CancellationToken.None);
        await cluster.Group(second).Search.RunAsync(gone: null, CancellationToken.None);
        await cluster.AppendAsync("meanwhile");
        cluster.Gate.Heal();
        await cluster.AppendAsync("after");

        Assert.Equal(["before", "meanwhile", "after"], await cluster.ConvergedAsync());
        Assert.True(cluster.Group(first).IsLeader);
        Assert.All(cluster.Nodes, node => Assert.Equal(term, cluster.Group(node).Term));
    }

    /// <summary>A majority is lost for a moment, too short for an election: the leader steps down, and no other replica detects it.</summary>
    [Fact]
    public async Task A_group_elects_a_leader_after_its_leader_stepped_down_without_a_majority()
    {
        await using var cluster = await StartWatchfulAsync();
        var first = cluster.Group(cluster.Nodes[0]);
        cluster.Gate.Isolate(cluster.Nodes[0], cluster.Nodes);
        using var limit = new CancellationTokenSource(RaftTestCluster.Patience);
        var lost = first.ProposeAsync("lost"u8.ToArray(), limit.Token).AsTask();
        await RaftTestCluster.EventuallyAsync(() => first.Leaders.IsVacant, "the leader to step down");
        cluster.Gate.Heal();
        await RaftTestCluster.EventuallyAsync(() => cluster.Nodes.Any(node => cluster.Group(node).IsLeader), "a leader to be elected");
        await lost;
        await cluster.AppendAsync("after");
        await cluster.ConvergedAsync();
    }

    [Fact]
    public async Task A_follower_that_returns_to_a_quiesced_group_receives_what_it_missed()
    {
        await using var cluster = await StartWatchfulAsync();
        var third = cluster.Nodes[2];
        await cluster.StopNodeAsync(third);
        await cluster.AppendAsync("meanwhile");
        await cluster.StartNodeAsync(third);
        await RaftTestCluster.EventuallyAsync(() => cluster.Group(third).Leader is not null, "the one that came back to know its leader");
        Assert.Equal(["before", "meanwhile"], await cluster.ConvergedAsync());
    }

    /// <summary>Nodes route by the state of group 0; a shard that had moved was searched in its old place for one heartbeat interval.</summary>
    [Fact]
    public async Task Followers_of_group_0_receive_the_commit_index_before_the_next_heartbeat()
    {
        const int Placement = 0;
        await using var cluster = await RaftTestCluster.StartAsync(configure: Patient(heartbeatShare: 0.9), firstGroup: Placement);
        await ElectAsync(cluster, cluster.Nodes[0], Placement);
        await cluster.AppendAsync("first", Placement);
        await cluster.AppendAsync("second", Placement);
        Assert.Equal(["first", "second"], await cluster.ConvergedAsync(Placement));
    }

    /// <summary>
    /// The first of three nodes leads, with one command that all have applied. No replica campaigns by itself while a test waits.
    /// </summary>
    private static async Task<RaftTestCluster> StartPatientAsync()
    {
        var cluster = await RaftTestCluster.StartAsync(configure: Patient(heartbeatShare: 0.001));
        await ElectAsync(cluster, cluster.Nodes[0]);
        await cluster.AppendAsync("before");
        await cluster.ConvergedAsync();
        return cluster;
    }

    private static Func<RaftHostOptions, RaftHostOptions> Patient(double heartbeatShare) => options => options with
    {
        Timings = new RaftTimings { ElectionMin = 5 * RaftTestCluster.Patience, ElectionMax = 6 * RaftTestCluster.Patience, HeartbeatShare = heartbeatShare },
    };

    /// <summary>
    /// The same, but nodes detect a loss soon. A group's own heartbeats and timeouts are longer than any wait in a test, so they detect nothing here.
    /// </summary>
    private static async Task<RaftTestCluster> StartWatchfulAsync()
    {
        var cluster = await RaftTestCluster.StartAsync(configure: options => options with
        {
            Timings = new RaftTimings { ElectionMin = RaftTestCluster.Patience / 3, ElectionMax = RaftTestCluster.Patience / 2 },
            Time = new FasterTime(80),
        });
        await cluster.AppendAsync("before");
        await cluster.ConvergedAsync();
        if (await cluster.LeaderAsync() is var leader && leader != cluster.Nodes[0])
        {
            Assert.True(await cluster.Group(leader).TransferLeadershipAsync(new GroupVoter(cluster.Nodes[0], 1), CancellationToken.None));
            await RaftTestCluster.EventuallyAsync(() => cluster.Nodes.All(each => cluster.Group(each).Leader == cluster.Nodes[0]), "the first to lead all");
        }

        return cluster;
    }

    private static async Task GoesOnWithoutTheFirstAsync(RaftTestCluster cluster)
    {
        Assert.NotEqual(cluster.Nodes[0], await cluster.LeaderAsync());
        await cluster.AppendAsync("after");
        Assert.Equal(["before", "after"], await cluster.ConvergedAsync());
    }

    private static async Task ElectAsync(RaftTestCluster cluster, NodeId node, int group = 1)
    {
        foreach (var other in cluster.Nodes.Where(other => other != node))
        {
            await cluster.Group(other, group).Transfer.StandAsideAsync();
        }

        await cluster.Group(node, group).Transfer.StandForElectionAsync(CancellationToken.None);
        await RaftTestCluster.EventuallyAsync(() => cluster.Group(node, group).IsLeader, $"{node} to lead");
        await RaftTestCluster.EventuallyAsync(() => cluster.Nodes.All(each => cluster.Group(each, group).Leader == node), $"all to know that {node} leads");
    }

    private static NodeId[] Nodes(int count) => [.. Enumerable.Range(1, count).Select(static number => new NodeId($"n{number}"))];
}
