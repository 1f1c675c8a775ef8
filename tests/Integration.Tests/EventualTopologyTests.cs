using System.Collections.Concurrent;
using KvRaft.Client;
using KvRaft.Integration.Tests.Processes;
using KvRaft.V1;

namespace KvRaft.Integration.Tests;

/// <summary>Nodes join and leave while eventual keyspaces are written: their token ranges change replica holders, and a leaving node is not removed before others have everything.</summary>
public sealed class EventualTopologyTests
{
    private static readonly KvEventualOptions All = new() { Read = 3 };

    /// <summary>A minute of processes that start and stop.</summary>
    [Trait("Category", "Long")]
    [Fact]
    public async Task Nodes_join_are_weighted_and_leave_while_carts_are_filled_and_every_item_is_there()
    {
        await using var cluster = await ProcessCluster.StartAsync(shards: 2);
        await CreateAsync(cluster);
        await using var client = cluster.Client("n2", "n3");
        await using var fillers = new CartFillers(cluster.Client("n2", "n3"), count: 3);
        await fillers.ReachedAsync(100);

        await cluster.JoinAsync("n4");
        await cluster.ServesAsync("n4");
        await cluster.CommitAsync(client, ComingAndGoing.Add("n4"));
        await cluster.QuietAsync(client);
        await cluster.CommitAsync(client, new PlanChange { Kind = PlanChangeKind.Weight, NodeId = "n4", Weight = 2 });
        await cluster.QuietAsync(client);
        await fillers.ReachedAsync(fillers.Acknowledged.Count + 100);

        await cluster.CommitAsync(client, ComingAndGoing.Decommission("n1"));
        var (code, log) = await cluster.WhenEndedByItselfAsync("n1");
        cluster.Forget("n1");
        Assert.Equal(1, code);
        Assert.Contains("n1 was decommissioned", log, StringComparison.Ordinal);

        await fillers.ReachedAsync(fillers.Acknowledged.Count + 100);
        await fillers.StopAsync();
        Assert.Empty(await fillers.LostAsync());

        // The three that remain hold everything, under the new ring, and their answers count again.
        await cluster.EventuallyAsync(
            async () =>
            {
                var cart = await Cart(client).GetAsync("cart0");
                return cart.Quorum is { Overlaps: true, Answered: >= 2 } ? client : null;
            },
            "reads to meet every write again");
    }

    // Written while no other node is there, and acknowledged by the node alone: it must not be removed before it has sent them to the others.
    [Fact]
    public async Task A_node_with_the_only_copy_of_a_value_does_not_leave_before_others_have_it()
    {
        await using var cluster = await ProcessCluster.StartAsync(shards: 1, nodes: 4, settings: new() { ["timings:nodeDeadAfterMs"] = 0 });
        await CreateAsync(cluster);
        string[] others = ["n2", "n3", "n4"];
        foreach (var node in others)
        {
            cluster.Pause(node);
        }

        await using (var alone = KvClient.Connect(cluster.Options("n1") with { Routing = KvRouting.Endpoints }))
        {
            for (var i = 0; i < 20; i++)
            {
                await Cart(alone).PutAsync($"alone{i}", "milk", KvContext.None, new KvEventualOptions { Write = 1 });
            }
        }

        foreach (var node in others)
        {
            cluster.Resume(node);
        }

        // One of them is down and cannot receive it; so it reports what it waits for, and stays.
        await using var client = cluster.Client("n2", "n3");
        await cluster.QuietAsync(client);
        cluster.Pause("n4");
        await cluster.ReplacedAsync(0, "n4", ["n1", "n2", "n3"]);
        await cluster.CommitAsync(client, ComingAndGoing.Decommission("n1"));
        var waits = await cluster.EventuallyAsync(
            async () => (await ComingAndGoing.TryAsync(() => client.Administration.Calls.ListNodesAsync()))?.Nodes.FirstOrDefault(node => node.NodeId == "n1" && node.Note.Contains("hands over", StringComparison.Ordinal)),
            "n1 to say what it waits for");
        Assert.Contains("left", waits.Note, StringComparison.Ordinal);

        cluster.Resume("n4");
        Assert.Equal(1, (await cluster.WhenEndedByItselfAsync("n1")).ExitCode);
        cluster.Forget("n1");
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(["milk"], (await Cart(client).GetAsync($"alone{i}", All)).Values);
        }
    }

    [Fact]
    public async Task Fewer_nodes_than_copies_are_refused()
    {
        await using var cluster = await ProcessCluster.StartAsync(shards: 1, nodes: 4);
        await using var client = cluster.Client();
        await client.Administration.Calls.CreateKeyspaceAsync(
            new KeyspaceInfo { Name = "carts", Mode = KeyspaceMode.Eventual, Eventual = new EventualPolicy { N = 4, R = 2, W = 2 } }, ifNotExists: true);
        var refused = await Assert.ThrowsAsync<KvException>(() => client.Administration.Calls.CommitPlanAsync([ComingAndGoing.Decommission("n4")]));
        Assert.Contains("3 nodes would remain to hold 4 copies of each key of keyspace 'carts'", refused.Message, StringComparison.Ordinal);
    }

    private static IEventualKeyspace<string, string> Cart(KvClient client) => client.Eventual.Keyspace("carts", KvSerializers.Utf8, KvSerializers.Utf8);

    private static async Task CreateAsync(ProcessCluster cluster)
    {
        await using var client = cluster.Client();
        var keyspace = new KeyspaceInfo { Name = "carts", Mode = KeyspaceMode.Eventual, Eventual = new EventualPolicy { N = 3, R = 2, W = 2 } };
        await client.Administration.Calls.CreateKeyspaceAsync(keyspace, ifNotExists: true);
        foreach (var node in cluster.Nodes)
        {
            await using var at = KvClient.Connect(cluster.Options(node) with { Routing = KvRouting.Endpoints });
            await at.Administration.Calls.GetKeyspaceAsync("carts");
        }
    }

    /// <summary>Clients that fill a few carts with numbered items, each over the values it has read, and record the acknowledged ones.</summary>
    private sealed class CartFillers : IAsyncDisposable
    {
        private const int Carts = 16;

        private readonly KvClient _client;
        private readonly CancellationTokenSource _stop = new();
        private readonly Task[] _fillers;
        private volatile TaskCompletionSource _more = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public CartFillers(KvClient client, int count)
        {
            _client = client;
            _fillers = [.. Enumerable.Range(0, count).Select(filler => Task.Run(() => FillAsync(filler)))];
        }

        /// <summary>Items by cart.</summary>
        public ConcurrentQueue<(string Cart, string Item)> Acknowledged { get; } = [];

        public async Task ReachedAsync(int count)
        {
            while (Acknowledged.Count < count)
            {
                var more = _more;
                if (Acknowledged.Count < count)
                {
                    var first = await Task.WhenAny([more.Task, .. _fillers]);
                    if (first != more.Task)
                    {
                        await first;
                    }
                }
            }
        }

        public async Task StopAsync()
        {
            await _stop.CancelAsync();
            await Task.WhenAll(_fillers);
        }

        public async Task<List<string>> LostAsync()
        {
            var lost = new List<string>();
            foreach (var cart in Acknowledged.GroupBy(static item => item.Cart))
            {
                var has = (await Cart(_client).GetAsync(cart.Key, All)).Values.SelectMany(static value => value.Split(',')).ToHashSet();
                lost.AddRange(cart.Where(item => !has.Contains(item.Item)).Select(static item => $"{item.Item} of {item.Cart}"));
            }

            return lost;
        }

        public async ValueTask DisposeAsync()
        {
            await StopAsync();
            await _client.DisposeAsync();
            _stop.Dispose();
        }

        private async Task FillAsync(int filler)
        {
            for (var i = 0; !_stop.IsCancellationRequested; i++)
            {
                var (cart, item) = ($"cart{i % Carts}", $"{filler}.{i}");
                var read = await Cart(_client).GetAsync(cart);
                await Cart(_client).PutAsync(cart, string.Join(',', read.Values.SelectMany(static value => value.Split(',')).Append(item).Distinct()), read.Context);
                Acknowledged.Enqueue((cart, item));
                Interlocked.Exchange(ref _more, new(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
            }
        }
    }
}
