using Grpc.Core;
using KvRaft.Node.Cluster;
using KvRaft.Node.Control;
using KvRaft.Raft.Groups;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Running;

/// <summary>Settings of the placement driver, its schedulers and the ring, read and changed through any node.</summary>
public sealed class SchedulerTests
{
    [Fact]
    public async Task Settings_are_changed_through_any_node_and_count_on_every_node()
    {
        await using var cluster = await StartAsync();
        var config = await Schedulers(cluster, 0).GetConfigAsync(new GetSchedulerConfigRequest());
        Assert.Equal((128, 50, 4, 2), (config.CopyMegabytesPerSecond, config.ForegroundP99Ms, config.MovesAtOnce, config.MovesAtOncePerNode));
        Assert.Equal(128L << 20, config.CopyBytesPerSecondNow);

        config = await Schedulers(cluster, 1).SetConfigAsync(new SetSchedulerConfigRequest { CopyMegabytesPerSecond = 8, MovesAtOnce = 1 });
        Assert.Equal((8, 50, 1, 2), (config.CopyMegabytesPerSecond, config.ForegroundP99Ms, config.MovesAtOnce, config.MovesAtOncePerNode));
        Assert.Equal(8L << 20, config.CopyBytesPerSecondNow);
        for (var node = 0; node < 3; node++)
        {
            Assert.Equal(8, (await Schedulers(cluster, node).GetConfigAsync(new GetSchedulerConfigRequest())).CopyMegabytesPerSecond);
            await UntilAsync(() => cluster.Nodes[node]!.Service<RaftHost>().Copies.BytesPerSecond == 8 << 20);
        }

        await AssertRefusedAsync("0 MB/s is not from 1 to 100000", () => Schedulers(cluster, 2).SetConfigAsync(new SetSchedulerConfigRequest { CopyMegabytesPerSecond = 0 }).ResponseAsync);
        await AssertRefusedAsync("no setting is negative", () => Schedulers(cluster, 2).SetConfigAsync(new SetSchedulerConfigRequest { ForegroundP99Ms = -1 }).ResponseAsync);
        await AssertRefusedAsync("there is no scheduler 'nobody'", () => Schedulers(cluster, 2).PauseAsync(new PauseSchedulerRequest { Name = "nobody" }).ResponseAsync);
        await AssertRefusedAsync("from 0 to", () => Schedulers(cluster, 2).PauseAsync(new PauseSchedulerRequest { Name = "drain", ForMs = -1 }).ResponseAsync);
    }

    [Fact]
    public async Task A_paused_scheduler_does_nothing_until_it_is_resumed_and_then_reports_its_work()
    {
        await using var cluster = await StartAsync();
        await PausedAsync(cluster, "leader-balance");
        await PausedAsync(cluster, "drain");
        var drained = await LeadingAsync(cluster);
        await Nodes(cluster, 0).DrainAsync(new DrainRequest { NodeId = drained });

        // The driver checks twice a second: a step that it would take at once has not been taken after three checks.
        await RoundsAsync(cluster, 3);
        Assert.NotEqual(0, await LeadsAsync(cluster, drained));

        var answer = await Schedulers(cluster, 1).ResumeAsync(new ResumeSchedulerRequest { Name = "drain" });
        Assert.False(answer.Scheduler.Paused);
        await UntilAsync(async () => await LeadsAsync(cluster, drained) == 0);
        await UntilAsync(async () => (await Schedulers(cluster, 2).ListAsync(new ListSchedulersRequest())).Schedulers
            .Any(static one => one.Name == "drain" && one.Note.Contains("is to be led on", StringComparison.Ordinal))
            || await PlacementMovedAsync(cluster, drained));
        var list = (await Schedulers(cluster, 2).ListAsync(new ListSchedulersRequest())).Schedulers;
        Assert.Equal(["balance", "leader-balance"], list.Where(static one => one.Paused).Select(static one => one.Name));
    }

    [Fact]
    public async Task Balance_reverts_a_manual_move_once_it_is_resumed_and_the_ring_shows_both_states()
    {
        await using var cluster = await RunningCluster.StartAsync(nodes: 4, shards: 4, static options => options with { ReplicationFactor = 3 });
        var before = await Ring(cluster, 0).ShowAsync(new ShowRingRequest());
        Assert.All(before.Nodes, static node => Assert.InRange(node.Shards, 3, 3));
        Assert.Equal(1.0, before.Nodes.Sum(static node => node.Owns), 6);
        Assert.Equal(0UL, before.Shards[0].FirstToken);
        Assert.Equal(ulong.MaxValue, before.Shards[^1].LastToken);
        var moved = before.Shards.First();
        var to = before.Nodes.Single(node => !moved.Nodes.Contains(node.NodeId)).NodeId;
        var moves = new Moves.MovesClient(cluster.Channel(1));
        await moves.MoveShardAsync(new MoveShardRequest { Shard = moved.Shard, FromNode = moved.Nodes[0], ToNode = to });
        await UntilAsync(async () => (await moves.ListMovesAsync(new ListMovesRequest())).Moves.Count == 0);
        await UntilAsync(async () => (await Ring(cluster, 0).ShowAsync(new ShowRingRequest())).Nodes.Single(node => node.NodeId == to).Shards == 4);

        var diff = await Ring(cluster, 2).DiffAsync(new DiffRingRequest { FromEpoch = before.Epoch });
        var move = Assert.Single(diff.Moves);
        Assert.Equal((moved.Shard, moved.Nodes[0], to, "asked for by hand"), (move.Shard, move.FromNode, move.ToNode, move.Cause));
        Assert.Equal([(moved.Nodes[0], 3, 2), (to, 3, 4)], diff.Shares.Select(static share => (share.NodeId, share.Before, share.After)).OrderBy(static share => share.After));
        await AssertRefusedAsync("the ring epoch is", () => Ring(cluster, 2).DiffAsync(new DiffRingRequest { FromEpoch = 1, ToEpoch = 1000 }).ResponseAsync);

        await Schedulers(cluster, 3).ResumeAsync(new ResumeSchedulerRequest { Name = "balance" });
        await UntilAsync(async () => (await Ring(cluster, 0).ShowAsync(new ShowRingRequest())).Nodes.All(static node => node.Shards == 3));
        var history = (await new Operators.OperatorsClient(cluster.Channel(0)).ListAsync(new ListOperatorsRequest { History = true })).History;
        Assert.Equal($"balance: {to} has 4 shards, its share is 3", history[0].Cause);
    }

    private static Task<RunningCluster> StartAsync() => RunningCluster.StartAsync(nodes: 3, shards: 4);

    private static Schedulers.SchedulersClient Schedulers(RunningCluster cluster, int node) => new(cluster.Channel(node));

    private static V1.Nodes.NodesClient Nodes(RunningCluster cluster, int node) => new(cluster.Channel(node));

    private static Ring.RingClient Ring(RunningCluster cluster, int node) => new(cluster.Channel(node));

    private static async Task PausedAsync(RunningCluster cluster, string name) =>
        Assert.True((await Schedulers(cluster, 0).PauseAsync(new PauseSchedulerRequest { Name = name, ForMs = 3_600_000 })).Scheduler is { Paused: true, PausedUntilMs: > 0 });

    private static async Task<string> LeadingAsync(RunningCluster cluster)
    {
        string? leading = null;
        await UntilAsync(async () =>
        {
            var ring = await Ring(cluster, 0).ShowAsync(new ShowRingRequest());
            leading = ring.Nodes.MaxBy(static node => node.Leaders)!.NodeId;
            return ring.Nodes.Sum(static node => node.Leaders) == ring.ShardCount;
        });
        return leading!;
    }

    private static async Task<int> LeadsAsync(RunningCluster cluster, string node) =>
        (await Nodes(cluster, 0).ListAsync(new ListNodesRequest())).Nodes.Single(each => each.NodeId == node).Leaders;

    /// <summary>The drained node led group 0, and its last action is recorded there.</summary>
    private static async Task<bool> PlacementMovedAsync(RunningCluster cluster, string drained) =>
        (await Nodes(cluster, 0).ListAsync(new ListNodesRequest())).PlacementLeader != drained;

    private static async Task RoundsAsync(RunningCluster cluster, int rounds)
    {
        var leader = cluster.Nodes.Single(static node => node!.Service<PlacementAgent>().Group.IsLeader)!;
        for (var round = 0; round < rounds; round++)
        {
            await leader.Service<NodeMonitor>().Rounds.Next.WaitAsync(RunningCluster.Patience);
        }
    }

    private static async Task AssertRefusedAsync(string why, Func<Task> call)
    {
        var error = await Assert.ThrowsAsync<RpcException>(call);
        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Contains(why, error.Status.Detail, StringComparison.Ordinal);
    }

    private static Task UntilAsync(Func<bool> holds) => UntilAsync(() => Task.FromResult(holds()));

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        using var patience = new CancellationTokenSource(RunningCluster.Patience);
        while (!await holds())
        {
            await Task.Delay(20, patience.Token);
        }
    }
}
