using System.Globalization;
using KvRaft.Integration.Tests.Processes;

namespace KvRaft.Integration.Tests;

/// <summary>
/// The test that the stock log of the Raft library fails: the third node is paused, so that the leader and one follower alone acknowledge;
/// both are killed at once; the leader stays down; the follower restarts together with the third. All entries that the follower
/// acknowledged but did not have on disk are lost then.
/// </summary>
public sealed class LostAcknowledgementTests(ITestOutputHelper output)
{
    private const int GroupOfShardZero = 1;

    [Fact]
    public Task Nothing_acknowledged_is_lost_when_leader_and_follower_are_killed() => RunAsync(acknowledgedMin: 1_000);

    [Fact]
    [Trait("Category", "Long")]
    public async Task Nothing_acknowledged_is_lost_in_ten_runs_of_ten_thousand()
    {
        for (var run = 1; run <= 10; run++)
        {
            await RunAsync(acknowledgedMin: 10_000);
        }
    }

    private async Task RunAsync(int acknowledgedMin)
    {
        await using var cluster = await ProcessCluster.StartAsync(shards: 1);
        var leader = await cluster.LeaderAsync(GroupOfShardZero, cluster.Nodes);
        var followers = cluster.Nodes.Where(node => node != leader).ToArray();
        var (follower, third) = (followers[0], followers[1]);
        cluster.Pause(third);

        await using var writers = new Writers(cluster.Client(leader, follower), count: 64);
        await writers.ReachedAsync(acknowledgedMin);
        cluster.Kill(leader, follower);

        cluster.Resume(third);
        cluster.Start(follower);
        await cluster.LeaderAsync(GroupOfShardZero, [follower, third]);
        await using var reader = cluster.Client(follower, third);
        var lost = await writers.LostAsync(reader);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{writers.Acknowledged.Count} acknowledged, {lost.Count} lost"));
        Assert.Empty(lost);
    }
}
