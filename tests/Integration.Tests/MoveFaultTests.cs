using System.Globalization;
using System.Text.RegularExpressions;
using KvRaft.Client;
using KvRaft.Integration.Tests.Processes;
using KvRaft.V1;

namespace KvRaft.Integration.Tests;

/// <summary>
/// Each step of a move x each node that takes part in it x kill -9 or a pause of 10 s, and a cancel at each step: a move ends completed or rolled back, never half-way, and
/// the members of every group and the map agree afterwards. The test finds a step by the log lines that nodes print before they take it.
/// </summary>
public sealed partial class MoveFaultTests(ITestOutputHelper output)
{
    private const int Shard = 0;

    public enum Party
    {
        Source,
        Target,
        PlacementLeader,
        Cli,
    }

    /// <summary>The steps of a move, in their order.</summary>
    private enum Moment
    {
        Agreed,
        Add,
        HandOver,
        Remove,
        Finish,
        Drop,
    }

    [Trait("Category", "Long")]
    [Theory]
    [InlineData(Party.Source, NodeFault.Kill)]
    [InlineData(Party.Source, NodeFault.Pause)]
    [InlineData(Party.Target, NodeFault.Kill)]
    [InlineData(Party.Target, NodeFault.Pause)]
    [InlineData(Party.PlacementLeader, NodeFault.Kill)]
    [InlineData(Party.PlacementLeader, NodeFault.Pause)]
    [InlineData(Party.Cli, NodeFault.Kill)]
    [InlineData(Party.Cli, NodeFault.Pause)]
    public async Task A_move_ends_when_any_party_fails_at_any_step(Party party, NodeFault fault)
    {
        await using var cluster = await ProcessCluster.StartAsync(shards: 2, nodes: 5);
        await using var client = cluster.Client();
        await using var writers = new Writers(cluster.Client(), count: 8);
        await writers.ReachedAsync(200);
        var met = new List<Moment>();
        foreach (var moment in Enum.GetValues<Moment>())
        {
            var (from, to) = await ChooseAsync(cluster, client, moment);
            var placement = await cluster.LeaderAsync(0, cluster.Nodes);
            var tail = cluster.TailLogs();
            using var kvctl = party == Party.Cli ? Kvctl(cluster, from, to) : null;
            if (kvctl is null)
            {
                await client.Administration.Calls.MoveShardAsync(Shard, from, to);
            }

            if (await MeetAsync(cluster, client, tail, moment, from))
            {
                met.Add(moment);
            }

            if (kvctl is not null)
            {
                await LoseAsync(kvctl, fault);
            }
            else
            {
                await cluster.LoseAsync(party switch { Party.Source => from, Party.Target => to, _ => placement }, fault);
            }

            var ended = await EndedAsync(cluster, client, from, to);
            Assert.Equal("moved", ended.State);
            if (kvctl is not null && fault == NodeFault.Pause)
            {
                var (code, said) = await kvctl.EndAsync();

                // If it was paused before it received the answer to the move, it reports an unknown outcome (6), and the operator checks.
                Assert.True(code is 0 or 6, $"{code}: {said}");
            }
        }

        output.WriteLine($"{party} {fault}: met {string.Join(", ", met)}; {writers.FailedCalls} of {writers.Acknowledged.Count} writes not acknowledged");

        // A step may have been missed once, because nodes print fast; a test that meets no step proves nothing.
        Assert.True(met.Count >= 3, $"met only {string.Join(", ", met)}");
        await writers.StopAsync();
        Assert.Empty(await writers.LostAsync(client));
        await cluster.AgreesAsync(client);
    }

    [Trait("Category", "Long")]
    [Fact]
    public async Task A_move_that_is_cancelled_at_any_step_is_completed_or_rolled_back()
    {
        await using var cluster = await ProcessCluster.StartAsync(shards: 2, nodes: 5);
        await using var client = cluster.Client();
        await using var writers = new Writers(cluster.Client(), count: 8);
        await writers.ReachedAsync(200);
        for (var round = 0; round < 3; round++)
        {
            foreach (var moment in Enum.GetValues<Moment>())
            {
                var (from, to) = await ChooseAsync(cluster, client, moment);
                var tail = cluster.TailLogs();
                await client.Administration.Calls.MoveShardAsync(Shard, from, to);
                var isMet = await MeetAsync(cluster, client, tail, moment, from);

                // Refused if the move has ended already.
                await ComingAndGoing.TryAsync(() => client.Administration.Calls.CancelMoveAsync(Shard));
                var ended = await EndedAsync(cluster, client, from, to);
                output.WriteLine($"cancelled at {moment}{(isMet ? "" : " or later")}: {ended.State}");
                Assert.Contains(ended.State, (string[])["moved", "cancelled"]);
                Assert.True(moment != Moment.Drop || !isMet || ended.State == "moved", "the old replica was given up already");
            }
        }

        Assert.Equal(0, writers.FailedCalls);
        await writers.StopAsync();
        Assert.Empty(await writers.LostAsync(client));
        await cluster.AgreesAsync(client);
    }

    private static KvctlProcess Kvctl(ProcessCluster cluster, string from, string to) => new(
        string.Join(',', cluster.Nodes.Select(cluster.Endpoint)),
        "shard", "move", Shard.ToString(CultureInfo.InvariantCulture), "--from", from, "--to", to);

    /// <summary>Only a leader that is removed transfers leadership.</summary>
    private static async Task<(string From, string To)> ChooseAsync(ProcessCluster cluster, KvClient client, Moment moment)
    {
        await cluster.QuietAsync(client);
        var replicas = (await ShardAsync(cluster, client)).Replicas.Select(static replica => replica.NodeId).ToArray();
        var leader = await cluster.LeaderAsync(Shard + 1, replicas);
        return (replicas.First(node => node == leader == (moment == Moment.HandOver)), cluster.Nodes.First(node => !replicas.Contains(node)));
    }

    private static Task<ShardRoute> ShardAsync(ProcessCluster cluster, KvClient client) => cluster.EventuallyAsync(
        async () => (await ComingAndGoing.TryAsync(() => client.Administration.Calls.GetRoutesAsync()))?.Shards.Single(static shard => shard.Shard == Shard), "a map");

    /// <summary>Waits until a step is about to be taken; false: the move ended before the step was seen.</summary>
    private static async Task<bool> MeetAsync(ProcessCluster cluster, KvClient client, LogTail tail, Moment moment, string from)
    {
        if (moment == Moment.Agreed)
        {
            await cluster.EventuallyAsync(
                async () => (await ShardAsync(cluster, client)).Replicas.All(replica => replica.NodeId != from)
                    || await ComingAndGoing.TryAsync(() => client.Administration.Calls.ListMovesAsync()) is { Moves.Count: > 0 } ? "so it is" : null,
                "the move to be agreed on");
            return true;
        }

        var sign = moment switch
        {
            Moment.Add => Adds(),
            Moment.HandOver => HandsOver(),
            Moment.Remove => Removes(),
            Moment.Finish => Finishes(),
            _ => Drops(),
        };
        var isMet = false;
        await cluster.EventuallyAsync(
            async () =>
            {
                // Several checks of the printed lines for each query: the steps are milliseconds apart.
                for (var look = 0; look < 100 && !isMet; look++)
                {
                    isMet = tail.Says(sign);
                    await Task.Yield();
                }

                return isMet || (await ShardAsync(cluster, client)).Replicas.All(replica => replica.NodeId != from) ? "so it is" : null;
            },
            $"step {moment}");
        return isMet;
    }

    /// <summary>The record of the move, when it has ended and no data of the losing replica is left.</summary>
    private static async Task<OperatorInfo> EndedAsync(ProcessCluster cluster, KvClient client, string from, string to)
    {
        await cluster.QuietAsync(client);
        var history = await cluster.EventuallyAsync(
            async () => await ComingAndGoing.TryAsync(() => client.Administration.Calls.ListOperatorsAsync(history: true)), "the record");
        var ended = history.History[0];
        Assert.Equal((Shard, from, to), (ended.Shard, ended.FromNode, ended.ToNode));
        var (stays, goes) = ended.State == "moved" ? (to, from) : (from, to);
        var replicas = (await cluster.EventuallyAsync(
            async () => await ComingAndGoing.TryAsync(() => client.Administration.Calls.GetRoutesAsync()) is { } map && map.Epoch >= history.Epoch ? map : null,
            "the map that says so")).Shards.Single(static shard => shard.Shard == Shard).Replicas;
        Assert.Contains(replicas, replica => replica.NodeId == stays);
        Assert.DoesNotContain(replicas, replica => replica.NodeId == goes);
        await cluster.EventuallyAsync(
            async () => await cluster.StatusAsync(goes) is { } status && status.Groups.All(static group => group.Shard != Shard) ? status : null,
            $"{goes} to have nothing of the shard");
        return ended;
    }

    private static async Task LoseAsync(KvctlProcess kvctl, NodeFault fault)
    {
        if (fault == NodeFault.Kill)
        {
            kvctl.Kill();
            return;
        }

        kvctl.Pause();
        await Task.Delay(TimeSpan.FromSeconds(10));
        kvctl.Resume();
    }

    [GeneratedRegex(@"Shard 0: Add \S+, because")]
    private static partial Regex Adds();

    [GeneratedRegex(@"Shard 0: HandOver \S+, because")]
    private static partial Regex HandsOver();

    [GeneratedRegex(@"Shard 0: Remove \S+, because")]
    private static partial Regex Removes();

    [GeneratedRegex(@"Shard 0: Finish \S+, because")]
    private static partial Regex Finishes();

    [GeneratedRegex(@"follows shard map \S+: opens \d+ replicas, drops [1-9]")]
    private static partial Regex Drops();
}
