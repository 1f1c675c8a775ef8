using System.Text;
using KvRaft.Raft.Catchup;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Proposals;
using KvRaft.Storage;

namespace KvRaft.Raft.Tests.Groups;

/// <summary>Which entries the log truncates if it exceeds its size limit, and which it keeps for other replicas.</summary>
public sealed class LogRoomTests
{
    private const int LogBytesMax = 8 << 20;

    private static readonly string Large = new('x', 200_000);

    /// <summary>
    /// A log beyond its bound was truncated at the last applied entry, on all nodes. A follower that was a few entries behind at that moment lost contact with the group and
    /// needed a checkpoint: with values of 1 MiB, every few seconds.
    /// </summary>
    [Fact]
    public async Task A_follower_that_is_a_few_entries_behind_when_the_log_exceeds_its_bound_goes_on_by_entries()
    {
        await using var cluster = await RaftTestCluster.StartAsync(configure: static options => options with { LogBytesMax = LogBytesMax });
        var leader = await cluster.LeaderAsync();
        var behind = cluster.Nodes.First(node => node != leader);
        for (var number = 0; number < 30; number++)
        {
            await cluster.AppendAsync($"{number} {Large}");
        }

        await cluster.ConvergedAsync();
        cluster.Gate.Isolate(behind, cluster.Nodes.Where(node => node != behind));
        var last = cluster.Group(behind).Log.LastIndex;
        while (cluster.Group(leader).Log.Start.Index == 0)
        {
            await cluster.AppendAsync($"more {Large}");
        }

        Assert.InRange(cluster.Group(leader).Log.Start.Index, 1, last);
        cluster.Gate.Heal();
        await cluster.AppendAsync("last");
        await cluster.ConvergedAsync();
        Assert.Equal(0, cluster.Host(behind).Copies.Taken);
    }

    [Fact]
    public async Task The_log_is_kept_beyond_its_bound_while_a_replica_catches_up_and_writers_are_slowed_and_let_go_afterwards()
    {
        await using var cluster = await RaftTestCluster.StartAsync(
            configure: static options => options with { LogBytesMax = LogBytesMax, LogBytesRetainedMax = 64 * LogBytesMax });
        var leader = await cluster.LeaderAsync();
        await cluster.AppendAsync("first");
        var group = cluster.Group(leader);
        group.OnLeased(cluster.Nodes.First(node => node != leader), 1, isDone: false);
        while (cluster.Host(leader).Log.Segments.Bytes <= 2 * LogBytesMax)
        {
            Assert.Equal(ProposalStatus.Applied, (await group.ProposeAsync(Encoding.UTF8.GetBytes(Large), CancellationToken.None)).Status);
        }

        Assert.InRange(group.Log.Start.Index, 0, 1);
        Assert.True(cluster.Host(leader).PauseAfter(1 << 20) > TimeSpan.Zero);

        group.OnLeased(cluster.Nodes.First(node => node != leader), 1, isDone: true);
        Assert.Equal(TimeSpan.Zero, cluster.Host(leader).PauseAfter(1 << 20));
        await RaftTestCluster.EventuallyAsync(() => cluster.Host(leader).Log.Segments.Bytes <= LogBytesMax + (1 << 20), "the log to be cut");
    }

    [Fact]
    public async Task Entries_are_sent_only_to_a_replica_of_the_same_history()
    {
        await using var cluster = await RaftTestCluster.StartAsync(nodes: 1);
        await cluster.AppendAsync("first");
        await cluster.AppendAsync("second");
        var group = cluster.Group(cluster.Nodes[0]);
        var last = group.CommitIndex;
        var term = group.Log.TermAt(last - 1);
        Assert.Equal(last, Assert.Single(group.ReadCommitted(last, last, term)).Index);
        Assert.Throws<HistoryDiffersException>(() => group.ReadCommitted(last, last, term + 1));
    }

    [Fact]
    public async Task A_committed_entry_of_another_term_at_the_start_of_anothers_log_is_a_conflict_and_an_uncommitted_one_is_none()
    {
        await using var cluster = await RaftTestCluster.StartAsync(nodes: 1);
        await cluster.AppendAsync("first");
        var group = cluster.Group(cluster.Nodes[0]);
        var last = group.CommitIndex;
        var term = group.Log.TermAt(last);
        Assert.True(RescueRules.Conflicts(group.Log, last, new LogPosition(term + 1, last), last + 1));
        Assert.False(RescueRules.Conflicts(group.Log, last, new LogPosition(term, last), last + 1));
        Assert.False(RescueRules.Conflicts(group.Log, last - 1, new LogPosition(term + 1, last), last + 1));
        Assert.False(RescueRules.Conflicts(group.Log, last, new LogPosition(term + 1, last + 1), last + 1));
        Assert.True(RescueRules.Conflicts(group.Log, last, LogPosition.None, last - 1));
    }
}
