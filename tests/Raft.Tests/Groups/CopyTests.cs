using KvRaft.Raft.Catchup;
using KvRaft.Topology;

namespace KvRaft.Raft.Tests.Groups;

/// <summary>Slow checkpoints: interrupted in the middle, and overtaken by writers meanwhile.</summary>
public sealed class CopyTests
{
    private static readonly NodeId Spare = new("n4");

    [Fact]
    public async Task An_interrupted_copy_resumes_and_is_followed_by_entries()
    {
        // No replica keeps an entry below the flushed index, except for a replica that has a checkpoint.
        await using var cluster = await RaftTestCluster.StartAsync(nodes: 4, voters: 3, configure: static options => options with { LogEntriesKept = 1 });
        var large = new string('x', 600_000);
        for (var i = 0; i < 40; i++)
        {
            await cluster.AppendAsync($"{i} {large}");
        }

        await FlushAsync(cluster, keepEntries: 0);
        var leader = await cluster.LeaderAsync();

        // A faster copy would be over before the test could check it.
        cluster.Host(Spare).Copies.BytesPerSecond = 12 << 20;
        var learner = await cluster.LearnAsync(Spare, 1, cluster.Group(leader).Voters());
        await RaftTestCluster.EventuallyAsync(() => learner.Status().Copy is { Copied: > 17 << 20 }, "more than a synced part to be copied");
        await cluster.CrashNodeAsync(Spare);
        for (var i = 0; i < 20; i++)
        {
            await cluster.AppendAsync($"meanwhile {i}");
        }

        // Now everything is flushed; only the checkpoint keeps entries.
        await FlushAsync(cluster, keepEntries: 1);
        await cluster.StartNodeAsync(Spare);
        await cluster.ConvergedAsync();

        // 24 MB in total, of which 16 were there.
        Assert.InRange(cluster.Host(Spare).Copies.Taken, 1, 9 << 20);
        Assert.False(cluster.Group(Spare).IsMember);
    }

    /// <summary>While a large checkpoint was copied, the others wrote more entries than the threshold for a checkpoint; the next copy would have had the same result.</summary>
    [Fact]
    public async Task A_learner_takes_one_checkpoint_and_then_entries_for_any_lag()
    {
        const int Worth = 20;
        await using var cluster = await RaftTestCluster.StartAsync(
            nodes: 4, voters: 3, configure: static options => options with { LearnerCheckpointEntries = Worth });
        for (var i = 0; i < 10; i++)
        {
            await cluster.AppendAsync($"before {i} {new string('x', 200_000)}");
        }

        await FlushAsync(cluster, keepEntries: 0);
        var leader = await cluster.LeaderAsync();

        // The first piece takes four seconds.
        cluster.Host(Spare).Copies.BytesPerSecond = 1 << 18;
        var learner = await cluster.LearnAsync(Spare, 1, cluster.Group(leader).Voters());
        await RaftTestCluster.EventuallyAsync(() => learner.Status().Copy is { Copied: > 0 }, "the copy to begin");
        cluster.Host(Spare).Copies.BytesPerSecond = CopyBudget.BytesPerSecondDefault;
        for (var i = 0; i < 2 * Worth; i++)
        {
            await cluster.AppendAsync($"meanwhile {i}");
        }

        await cluster.ConvergedAsync();

        // A follower may not have applied the last of the two million bytes when it took the copy; two copies would exceed three million.
        Assert.InRange(cluster.Host(Spare).Copies.Taken, 1_500_000, 3_000_000);
    }

    private static async Task FlushAsync(RaftTestCluster cluster, int keepEntries)
    {
        foreach (var node in cluster.Nodes.Where(node => node != Spare))
        {
            await cluster.Group(node).FlushAsync(keepEntries, CancellationToken.None);
        }
    }
}
