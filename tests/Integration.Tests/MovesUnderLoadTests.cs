using System.Diagnostics;
using System.Globalization;
using KvRaft.Client;
using KvRaft.Integration.Tests.Processes;

namespace KvRaft.Integration.Tests;

/// <summary>
/// Move after move under a load that checks itself, followers and leaders in turn; and plans whose driver is killed or paused. <c>KVRAFT_MOVES</c> sets the
/// number of moves (200), <c>KVRAFT_MOVES_RATE</c> the number of writes a second (500).
/// </summary>
public sealed class MovesUnderLoadTests(ITestOutputHelper output)
{
    private const int Shards = 4;

    /// <summary>Moves before the measurement: five processes first compile the code of a move and a leadership transfer.</summary>
    private const int WarmUp = 32;

    /// <summary>A move that delays a write longer is printed, so that the nodes' logs can be searched for it: hardly less than an election.</summary>
    private static readonly TimeSpan Remarkable = TimeSpan.FromMilliseconds(500);

    [Trait("Category", "Long")]
    [Fact]
    public async Task Consecutive_moves_cause_no_failed_stale_or_lost_operation()
    {
        var (moves, rate) = (Setting("KVRAFT_MOVES", 200), Setting("KVRAFT_MOVES_RATE", 500));
        await using var cluster = await ProcessCluster.StartAsync(Shards, nodes: 5);
        await using var client = cluster.Client();
        await using var load = new CheckedLoad(cluster.Client(), workers: 32, rate);
        var (moving, still) = (new List<double>(), new List<double>());
        var (begun, before) = (Stopwatch.GetTimestamp(), 0L);
        for (var turn = -WarmUp; turn < moves; turn++)
        {
            if (turn == 0)
            {
                (begun, before) = (Stopwatch.GetTimestamp(), load.Writes);
                moving.Clear();
                still.Clear();
            }

            load.TakeLongestWrite();
            var (at, longest) = (Stopwatch.GetTimestamp(), await MoveOnceAsync(cluster, client, load, turn + WarmUp));
            moving.Add(longest);
            Assert.True(load.Violations.Count == 0, string.Join('\n', load.Violations.Take(5)));

            // The same machine for as long with nothing moving: a longer delay is caused by the move.
            load.TakeLongestWrite();
            await Task.Delay(Stopwatch.GetElapsedTime(at));
            still.Add(load.TakeLongestWrite().Took.TotalMilliseconds);
        }

        var took = Stopwatch.GetElapsedTime(begun);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"""
            {moves} moves in {took.TotalSeconds:0} s, {load.Writes - before} writes ({(load.Writes - before) / took.TotalSeconds:0}/s) each read back: {load.Failed} failed, {load.Violations.Count} stale
            longest write during a move: {Summary(moving)}
            longest write for as long with nothing moving: {Summary(still)}
            """));
        Assert.Empty(await load.LostAsync());
        Assert.Equal(0, load.Failed);
        await cluster.AgreesAsync(client);
    }

    /// <summary>The driver: the leader of group 0, at each of three moments of a plan.</summary>
    [Trait("Category", "Long")]
    [Theory]
    [InlineData(NodeFault.Kill, 0)]
    [InlineData(NodeFault.Kill, 1)]
    [InlineData(NodeFault.Kill, 3)]
    [InlineData(NodeFault.Pause, 0)]
    [InlineData(NodeFault.Pause, 1)]
    [InlineData(NodeFault.Pause, 3)]
    public async Task A_plan_is_carried_out_when_its_driver_is_lost(NodeFault fault, int movesDone)
    {
        await using var cluster = await ProcessCluster.StartAsync(Shards, nodes: 5);
        await using var client = cluster.Client();
        await using var writers = new Writers(cluster.Client(), count: 8);
        await writers.ReachedAsync(200);
        var driver = await cluster.LeaderAsync(0, cluster.Nodes);
        var leaving = cluster.Nodes.First(node => node != driver);
        var plan = await cluster.CommitAsync(client, ComingAndGoing.Decommission(leaving));
        await cluster.EventuallyAsync(
            async () => await ComingAndGoing.TryAsync(() => client.Administration.Calls.ListOperatorsAsync()) is { } list
                && list.Operators.Count <= Math.Max(0, plan.Moves.Count - movesDone) ? list : null,
            $"{movesDone} moves to be done");
        await cluster.LoseAsync(driver, fault);
        await GoneAsync(cluster, client, leaving);
        await writers.StopAsync();
        Assert.Empty(await writers.LostAsync(client));
        await cluster.AgreesAsync(client);
    }

    /// <summary>The receiver: a joining node, while it copies.</summary>
    [Trait("Category", "Long")]
    [Theory]
    [InlineData(NodeFault.Kill)]
    [InlineData(NodeFault.Pause)]
    public async Task A_plan_is_carried_out_when_the_newcomer_is_absent_for_a_while(NodeFault fault)
    {
        await using var cluster = await ProcessCluster.StartAsync(Shards);
        await using var client = cluster.Client();
        await using var writers = new Writers(cluster.Client(), count: 8);
        await writers.ReachedAsync(200);
        await cluster.JoinAsync("n4");
        await cluster.ServesAsync("n4");
        await cluster.CommitAsync(client, ComingAndGoing.Add("n4"));
        await cluster.EventuallyAsync(
            async () => await ComingAndGoing.TryAsync(() => client.Administration.Calls.ListOperatorsAsync()) is { } list && list.Operators.Any(static one => one.State == "running") ? list : null,
            "a move to run");
        await cluster.LoseAsync("n4", fault);
        await cluster.QuietAsync(client);
        Assert.Equal(3, (await client.Administration.Calls.ListNodesAsync()).Nodes.Single(static node => node.NodeId == "n4").Shards);
        await writers.StopAsync();
        Assert.Empty(await writers.LostAsync(client));
        await cluster.AgreesAsync(client);
    }

    [Trait("Category", "Long")]
    [Fact]
    public async Task A_dead_node_is_replaced_after_the_delay_and_comes_back_with_nothing()
    {
        await using var cluster = await ProcessCluster.StartAsync(
            Shards, nodes: 4, settings: new() { ["timings:nodeDownAfterMs"] = 3000, ["timings:nodeDeadAfterMs"] = 6000 });
        await using var client = cluster.Client("n1", "n2", "n3");
        await using var writers = new Writers(cluster.Client("n1", "n2", "n3"), count: 8);
        await writers.ReachedAsync(200);
        cluster.Kill("n4");
        await cluster.EventuallyAsync(
            async () => await ComingAndGoing.TryAsync(() => client.Administration.Calls.ListNodesAsync()) is { } nodes
                && nodes.Nodes.Single(static node => node.NodeId == "n4") is { Shards: 0, Standing: "joined" } ? nodes : null,
            "n4 to be replaced");
        await cluster.QuietAsync(client);
        cluster.Start("n4");
        await cluster.ServesAsync("n4");
        await writers.ReachedAsync(writers.Acknowledged.Count + 100);
        await cluster.EventuallyAsync(
            async () => await cluster.StatusAsync("n4") is { } status && status.Groups.All(static group => group.Shard < 0) ? status : null,
            "n4 to drop what it had");
        await writers.StopAsync();
        Assert.Empty(await writers.LostAsync(client));
        await cluster.AgreesAsync(client);
        var history = (await client.Administration.Calls.ListOperatorsAsync(history: true)).History;
        Assert.All(history, static one => Assert.StartsWith("n4 does not answer for", one.Cause, StringComparison.Ordinal));
    }

    /// <summary>Moves one replica of the shard whose turn it is, and returns the duration of the longest write meanwhile, in milliseconds.</summary>
    private async Task<double> MoveOnceAsync(ProcessCluster cluster, KvClient client, CheckedLoad load, int turn)
    {
        var shard = (await client.Administration.Calls.GetRoutesAsync()).Shards[turn % Shards];
        var replicas = shard.Replicas.Select(static replica => replica.NodeId).ToArray();

        // Every fourth time the leader itself is removed.
        var leads = turn / Shards % 4 == 3;
        var from = replicas.FirstOrDefault(node => node == shard.LeaderNode == leads) ?? replicas[0];
        var to = cluster.Nodes.Where(node => !replicas.Contains(node)).ElementAt(turn % 2);
        await client.Administration.Calls.MoveShardAsync(shard.Shard, from, to);
        await cluster.QuietAsync(client);
        var longest = load.TakeLongestWrite();
        if (longest.Took > Remarkable)
        {
            output.WriteLine($"move {turn}, {(leads ? "leader" : "follower")} of shard {shard.Shard} from {from} to {to}: {longest.Took.TotalMilliseconds:0} ms for {longest.Key}, ended {longest.At:HH:mm:ss.fff}");
        }

        return longest.Took.TotalMilliseconds;
    }

    private static async Task GoneAsync(ProcessCluster cluster, KvClient client, string node)
    {
        await cluster.WhenEndedByItselfAsync(node);
        cluster.Forget(node);
        await cluster.QuietAsync(client);
        var nodes = await cluster.EventuallyAsync(
            async () => await ComingAndGoing.TryAsync(() => client.Administration.Calls.ListNodesAsync()) is { } all && all.Removed.Contains(node) ? all : null, $"{node} to be gone");
        Assert.DoesNotContain(node, nodes.PlacementVoters);
        Assert.All(nodes.Nodes, static each => Assert.Equal(3, each.Shards));
    }

    private static string Summary(List<double> longest)
    {
        longest.Sort();
        return string.Create(
            CultureInfo.InvariantCulture, $"median {At(longest, 0.5):0} ms, p90 {At(longest, 0.9):0} ms, p99 {At(longest, 0.99):0} ms, longest {longest[^1]:0} ms");
    }

    private static double At(List<double> sorted, double part) => sorted[Math.Min(sorted.Count - 1, (int)(sorted.Count * part))];

    private static int Setting(string name, int missing) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : missing;
}
