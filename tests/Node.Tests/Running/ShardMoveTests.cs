using System.Collections.Concurrent;
using System.Globalization;
using Google.Protobuf;
using Grpc.Core;
using KvRaft.Node.Cluster;
using KvRaft.Node.Shards;
using KvRaft.Placement.State;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Running;

/// <summary>Four nodes of this process, three replicas: whichever replica moves, and whichever node restarts meanwhile, no call fails and nothing is lost.</summary>
public sealed class ShardMoveTests
{
    private static readonly ShardId Shard = new(0);

    [Fact]
    public async Task Replicas_and_leaders_move_under_writes_and_no_call_fails()
    {
        await using var cluster = await StartAsync();
        await using var writers = new Callers(cluster);
        for (var turn = 1; turn <= 4; turn++)
        {
            await writers.ReachedAsync(writers.Acknowledged + 50);
            await MoveAsync(cluster, leaderGoes: turn % 2 == 0);
        }

        await writers.StopAsync();
        Assert.Empty(writers.Failures);
        await writers.AssertAllThereAsync();
    }

    [Fact]
    public async Task A_move_goes_on_where_it_was_after_its_nodes_restarted()
    {
        await using var cluster = await StartAsync();
        var (from, to) = await BeginAsync(cluster, leaderGoes: false);
        await RestartAsync(cluster, to);
        await RestartAsync(cluster, await LeaderAsync(cluster));
        await RestartAsync(cluster, from);
        await EndedAsync(cluster, from, to);
    }

    [Fact]
    public async Task A_cancelled_move_leaves_everything_as_it_was()
    {
        await using var cluster = await StartAsync();
        var before = State(cluster, 0).Map![Shard].Replicas;
        var target = Free(cluster);
        await cluster.StopNodeAsync(target); // Which keeps the move from continuing.
        var asked = Up(cluster).First();
        var from = before[0].Node.Value;
        await UntilLedAsync(() => Moves(cluster, asked).MoveShardAsync(new MoveShardRequest
        {
            Shard = Shard.Value,
            FromNode = from,
            ToNode = cluster.Options(target).NodeId.Value,
        }));
        Assert.Equal(from, Assert.Single((await Moves(cluster, asked).ListMovesAsync(new ListMovesRequest())).Moves).FromNode);
        await UntilLedAsync(() => Moves(cluster, asked).CancelMoveAsync(new CancelMoveRequest { Shard = Shard.Value }));
        await EventuallyAsync(() => State(cluster, asked).Moves.IsEmpty, "the move to be over");

        await cluster.StartNodeAsync(target);
        await EventuallyAsync(() => State(cluster, target).Epoch == State(cluster, asked).Epoch, "the target to have the new map");
        Assert.Equal(before, State(cluster, target).Map![Shard].Replicas);
        await EventuallyAsync(() => !HasFiles(cluster, target, 2), "the target to hold nothing");
    }

    [Fact]
    public async Task Invalid_moves_are_refused_with_the_reason()
    {
        await using var cluster = await StartAsync();
        var replicas = State(cluster, 0).Map![Shard].Replicas.Select(replica => replica.Node.Value).ToArray();
        var free = cluster.Options(Free(cluster)).NodeId.Value;
        await AssertRefusedAsync("has a replica on", 0, replicas[0], replicas[1]);
        await AssertRefusedAsync("has no replica on", 0, free, replicas[0]);
        await AssertRefusedAsync("there is no node", 0, replicas[0], "n9");
        await AssertRefusedAsync("is no name of a node", 0, replicas[0], "N 9");
        await AssertRefusedAsync("there is no shard 7", 7, replicas[0], free);
        await AssertRefusedAsync("no cluster has a shard", -1, replicas[0], free);

        async Task AssertRefusedAsync(string reason, int shard, string from, string to)
        {
            var error = await Assert.ThrowsAsync<RpcException>(
                () => Moves(cluster, 1).MoveShardAsync(new MoveShardRequest { Shard = shard, FromNode = from, ToNode = to }).ResponseAsync);
            Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
            Assert.Contains(reason, error.Status.Detail, StringComparison.Ordinal);
        }
    }

    private static Task<RunningCluster> StartAsync() =>
        RunningCluster.StartAsync(nodes: 4, shards: 2, options => options with { ReplicationFactor = 3 });

    private static V1.Moves.MovesClient Moves(RunningCluster cluster, int node) => new(cluster.Channel(node));

    private static PlacementState State(RunningCluster cluster, int node) => cluster.Nodes[node]!.Service<PlacementAgent>().State;

    private static IEnumerable<int> Up(RunningCluster cluster) => Enumerable.Range(0, 4).Where(node => cluster.Nodes[node] is not null);

    private static int Free(RunningCluster cluster) =>
        Enumerable.Range(0, 4).Single(node => State(cluster, Up(cluster).First()).Map![Shard].ReplicaOn(cluster.Options(node).NodeId) is null);

    private static async Task<int> LeaderAsync(RunningCluster cluster)
    {
        int? leader = null;
        await EventuallyAsync(
            () => (leader = Up(cluster).Cast<int?>().FirstOrDefault(node => cluster.Nodes[node!.Value]!.Service<ShardTable>().Find(Shard) is { IsLeader: true })) is not null,
            "a leader");
        return leader!.Value;
    }

    private static async Task MoveAsync(RunningCluster cluster, bool leaderGoes)
    {
        var (from, to) = await BeginAsync(cluster, leaderGoes);
        await EndedAsync(cluster, from, to);
    }

    private static async Task<(int From, int To)> BeginAsync(RunningCluster cluster, bool leaderGoes)
    {
        var (leader, to) = (await LeaderAsync(cluster), Free(cluster));
        var from = Enumerable.Range(0, 4).First(node => node != to && node == leader == leaderGoes);
        await Moves(cluster, to).MoveShardAsync(new MoveShardRequest
        {
            Shard = Shard.Value,
            FromNode = cluster.Options(from).NodeId.Value,
            ToNode = cluster.Options(to).NodeId.Value,
        });
        return (from, to);
    }

    /// <summary>Every node has received the map with the new replica, the group votes by it, and no data of the old one is left.</summary>
    private static async Task EndedAsync(RunningCluster cluster, int from, int to)
    {
        await EventuallyAsync(
            () => Up(cluster).Select(node => State(cluster, node)).All(
                state => state.Moves.IsEmpty && state.Map![Shard].ReplicaOn(cluster.Options(to).NodeId) is not null),
            "the end of the move");
        await EventuallyAsync(() => !HasFiles(cluster, from, 1) && !HasFiles(cluster, from, 2) && !HasFiles(cluster, from, 3), "the old copy to be gone");
        var voters = cluster.Nodes[await LeaderAsync(cluster)]!.Service<ShardTable>().Find(Shard)!.Group.Voters();
        Assert.Equal(
            State(cluster, from).Map![Shard].Replicas.OrderBy(replica => replica.Node),
            voters.Select(voter => new Replica(voter.Node, voter.Incarnation)));
    }

    /// <summary>The stopped node may have led group 0. Two requests for the same move have the effect of one.</summary>
    private static async Task UntilLedAsync(Func<AsyncUnaryCall<MoveInfo>> ask)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await ask();
                return;
            }
            catch (RpcException error) when (error.StatusCode == StatusCode.Unavailable && attempt < 100)
            {
                await Task.Delay(100);
            }
        }
    }

    private static bool HasFiles(RunningCluster cluster, int node, int incarnation) =>
        Directory.Exists(ShardDirectory.Of(cluster.Options(node).DataDirectory, Shard, incarnation))
        || Directory.Exists(Path.Combine(cluster.Options(node).DataDirectory, "groups", $"g{Shard.Value + 1}-r{incarnation}"));

    private static async Task RestartAsync(RunningCluster cluster, int node)
    {
        await cluster.StopNodeAsync(node);
        await cluster.StartNodeAsync(node);
    }

    private static async Task EventuallyAsync(Func<bool> holds, string what)
    {
        using var patience = new CancellationTokenSource(RunningCluster.Patience);
        while (!holds())
        {
            Assert.False(patience.IsCancellationRequested, $"Waited {RunningCluster.Patience.TotalSeconds} s for {what}.");
            await Task.Delay(20);
        }
    }

    /// <summary>Clients that put one key after another through every node, with the timeout of an interactive client.</summary>
    private sealed class Callers : IAsyncDisposable
    {
        private readonly RunningCluster _cluster;
        private readonly Task[] _running;
        private readonly ConcurrentDictionary<string, string> _acknowledged = new();
        private volatile bool _enough;
        private int _next;

        public Callers(RunningCluster cluster)
        {
            _cluster = cluster;
            _running = [.. Enumerable.Range(0, 8).Select(caller => Task.Run(() => PutAsync(caller % 4)))];
        }

        public ConcurrentQueue<string> Failures { get; } = new();

        public int Acknowledged => _acknowledged.Count;

        public Task ReachedAsync(int count) => EventuallyAsync(() => Acknowledged >= count || !Failures.IsEmpty, $"{count} writes");

        public Task StopAsync()
        {
            _enough = true;
            return Task.WhenAll(_running);
        }

        public async Task AssertAllThereAsync()
        {
            foreach (var (key, value) in _acknowledged)
            {
                var read = await _cluster.Kv(key.Length % 4).GetAsync(new GetRequest { Key = ByteString.CopyFromUtf8(key) });
                Assert.Equal(value, read.Current?.Value.ToStringUtf8());
            }
        }

        public async ValueTask DisposeAsync() => await StopAsync();

        private async Task PutAsync(int node)
        {
            while (!_enough)
            {
                var number = Interlocked.Increment(ref _next).ToString(CultureInfo.InvariantCulture);
                try
                {
                    await _cluster.Kv(node).PutAsync(
                        new PutRequest { Key = ByteString.CopyFromUtf8("k" + number), Value = ByteString.CopyFromUtf8("v" + number) },
                        deadline: DateTime.UtcNow.AddSeconds(30));
                    _acknowledged["k" + number] = "v" + number;
                }
                catch (RpcException error)
                {
                    Failures.Enqueue($"k{number} at n{node + 1}: {error.Status}");
                }
            }
        }
    }
}
