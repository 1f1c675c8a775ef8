using System.Net;
using KvRaft.Client;
using KvRaft.Node.Hosting;
using KvRaft.Node.Options;
using KvRaft.Node.Security;
using KvRaft.Storage.Engine;
using KvRaft.Topology;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.TestKit;

/// <summary>
/// A complete cluster in this process, for tests: real nodes, real Raft, real disk, on free loopback ports. Ready in about a second.
/// <code>
/// await using var cluster = await TestCluster.StartAsync();
/// await using var client = cluster.CreateClient();
/// await client.TextKeyspace().PutAsync("key", "value");
/// var leader = await cluster.LeaderOfAsync("key");
/// cluster.Isolate(leader);                                   // the client continues with the others
/// cluster.Heal();
/// </code>
/// <para>
/// A call injects a fault, which stays until it is reverted. Faults that a process cannot inject into itself are simulated on the connections between
/// the nodes, all of which use relays of this kit. A paused node neither receives nor sends (its threads continue). A killed node loses its
/// connections without a normal close and is then stopped; its data stays on disk. Power failures are not simulated.
/// </para>
/// <para>Members are thread-safe, but the faults of one node must be injected one after the other.</para>
/// </summary>
public sealed class TestCluster : IAsyncDisposable
{
    private readonly StorageResources _engines = new(new StorageBudget { MemoryBytes = StorageBudget.MemoryBytesMin });
    private readonly List<TestNode> _nodes;
    private readonly TestClusterOptions _options;
    private readonly string _directory;
    private readonly Ways _ways;

    private TestCluster(TestClusterOptions options)
    {
        _options = options;
        _directory = options.Directory ?? Directory.CreateTempSubdirectory("kvraft-testkit-").FullName;
        _nodes = [.. Enumerable.Range(0, options.Nodes).Select(static index => new TestNode(index))];
        _ways = new Ways(_nodes);
    }

    public IReadOnlyList<TestNode> Nodes => _nodes;

    /// <summary>The connection string of clients.</summary>
    public string ConnectionString => $"kvraft://{string.Join(',', _nodes.Select(static node => node.Endpoint))}/{KvClientOptions.DefaultKeyspace}";

    /// <summary>Starts a cluster of the given number of nodes and waits until every shard has a leader.</summary>
    public static Task<TestCluster> StartAsync(int nodes = 3, CancellationToken cancellationToken = default) =>
        StartAsync(new TestClusterOptions { Nodes = nodes }, cancellationToken);

    /// <summary>Starts a cluster and waits until every shard has a leader.</summary>
    /// <exception cref="TimeoutException">The start took longer than <see cref="TestClusterOptions.Patience"/>.</exception>
    public static Task<TestCluster> StartAsync(TestClusterOptions options, CancellationToken cancellationToken = default) =>
        StartAsync(options, static own => own, cancellationToken);

    /// <summary>For tests of the node itself, which may change options that users of the kit cannot.</summary>
    internal static async Task<TestCluster> StartAsync(
        TestClusterOptions options, Func<NodeOptions, NodeOptions> change, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var cluster = new TestCluster(options);
        try
        {
            foreach (var node in cluster._nodes)
            {
                node.Options = change(cluster.OptionsOf(node));
            }

            await Task.WhenAll(cluster._nodes.Select(node => cluster.StartAsync(node, cancellationToken)));
            await cluster.WhenReadyAsync(cancellationToken);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>A client of this cluster; the caller disposes it.</summary>
    /// <param name="change">Changes the options; null: the defaults.</param>
    public KvClient CreateClient(Func<KvClientOptions, KvClientOptions>? change = null)
    {
        var options = KvClientOptions.Parse(ConnectionString);
        return new KvClient(change?.Invoke(options) ?? options);
    }

    /// <summary>Waits until each running node has a leader of every shard in its map. Do not call it while a majority is partitioned.</summary>
    public async Task WhenReadyAsync(CancellationToken cancellationToken = default)
    {
        using var patience = Patience(cancellationToken);
        try
        {
            await Task.WhenAll(_nodes.Select(static node => node.Running).OfType<KvRaftNode>().Select(node => node.WhenReadyAsync(patience.Token)));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"the cluster was not ready within {_options.Patience}");
        }
    }

    /// <summary>The node that leads a key's shard; waits for a leader, and the result may be outdated at once.</summary>
    public async Task<TestNode> LeaderOfAsync(string key, string? keyspace = null, CancellationToken cancellationToken = default)
    {
        using var patience = Patience(cancellationToken);
        await using var client = CreateClient();
        while (true)
        {
            var answer = await client.Administration.Calls.LocateAsync(keyspace, [System.Text.Encoding.UTF8.GetBytes(key)], patience.Token);
            if (_nodes.Find(node => node.IsRunning && node.Id == answer.Locations[0].Shard.LeaderNode) is { } leader)
            {
                return leader;
            }

            // The node will receive the next leader; this client gets no notification of it.
            await Task.Delay(_options.ElectionTimeout / 10, patience.Token);
        }
    }

    /// <summary>
    /// Partitions the nodes: the given ones and the others cannot reach each other; clients reach all. Connections stay open without traffic, as in a
    /// network that drops packets.
    /// </summary>
    public void Partition(params IEnumerable<TestNode> side)
    {
        var here = side.ToHashSet();
        foreach (var relay in here.SelectMany(one => _nodes.Where(other => !here.Contains(other)).SelectMany(other => _ways.Between(one, other))))
        {
            relay.Hold();
        }
    }

    /// <summary>Isolates this node from all other nodes and from clients.</summary>
    public void Isolate(TestNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        Hold(node);
    }

    /// <summary>Like a suspended process: its connections stay open without traffic. Its own threads continue; see the class.</summary>
    public void Pause(TestNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        Hold(node);
    }

    /// <summary>Ends a pause or an isolation; held bytes from and to the node arrive.</summary>
    public void Resume(TestNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        foreach (var relay in _ways.Of(node, withClients: true))
        {
            relay.LetGo();
        }
    }

    /// <summary>Opens all connections again; clocks and killed nodes stay unchanged.</summary>
    public void Heal()
    {
        foreach (var relay in _ways.All)
        {
            relay.LetGo();
        }
    }

    /// <summary>
    /// Breaks the connections of the node at once and stops it before this returns; <see cref="StartAsync(TestNode, CancellationToken)"/> starts it
    /// again.
    /// </summary>
    public async Task KillAsync(TestNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        if (node.Running is not { } running)
        {
            return;
        }

        // From now on its callers get a refusal.
        node.Running = null;
        foreach (var relay in _ways.Of(node, withClients: true))
        {
            relay.Cut();
        }

        await running.DisposeAsync();
    }

    /// <summary>Stops a node gracefully: it completes started work and closes its connections.</summary>
    public async Task StopAsync(TestNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        if (node.Running is { } running)
        {
            await running.DisposeAsync();
            node.Running = null;
        }
    }

    /// <summary>Starts a killed or stopped node with its data. Does not wait for leaders; see <see cref="WhenReadyAsync"/>.</summary>
    public async Task StartAsync(TestNode node, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(node);
        if (node.IsRunning)
        {
            throw new InvalidOperationException($"{node} runs");
        }

        using var patience = Patience(cancellationToken);
        node.Running = await KvRaftNode.StartAsync(node.Options, _engines, _options.Loggers, patience.Token);
    }

    /// <summary>Sets the wall clock of a node ahead of the real one (negative: behind); it continues from there.</summary>
    public void SetClock(TestNode node, TimeSpan ahead)
    {
        ArgumentNullException.ThrowIfNull(node);
        node.Clock.Offset = ahead;
    }

    /// <summary>Starts a node with other options, in addition to the cluster.</summary>
    internal async Task<KvRaftNode> StartBesideAsync(NodeOptions options)
    {
        using var patience = Patience(CancellationToken.None);
        return await KvRaftNode.StartAsync(options, _engines, _options.Loggers, patience.Token);
    }

    public async ValueTask DisposeAsync()
    {
        Heal();
        await Task.WhenAll(_nodes.Select(static node => node.Running).OfType<KvRaftNode>().Select(static node => node.DisposeAsync().AsTask()));
        await _ways.DisposeAsync();
        _engines.Dispose();
        if (_options.Directory is null)
        {
            Directory.Delete(_directory, recursive: true);
        }
    }

    private void Hold(TestNode node)
    {
        foreach (var relay in _ways.Of(node, withClients: true))
        {
            relay.Hold();
        }
    }

    private CancellationTokenSource Patience(CancellationToken cancellationToken)
    {
        var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(_options.Patience);
        return patience;
    }

    private string SecretFile()
    {
        Directory.CreateDirectory(_directory);
        var file = Path.Combine(_directory, "cluster-secret");
        ClusterSecretFile.Make(file);
        return file;
    }

    private NodeOptions OptionsOf(TestNode node) => new()
    {
        ClusterId = new Guid("7c41e200-0000-4000-8000-000000000001"),
        ClusterName = "test",
        NodeId = new NodeId(node.Id),
        DataDirectory = Path.Combine(_directory, node.Id),
        PublicListen = new IPEndPoint(IPAddress.Loopback, 0),
        HttpListen = _options.Http ? new IPEndPoint(IPAddress.Loopback, 0) : null,
        RaftListen = new IPEndPoint(IPAddress.Loopback, 0),

        // Replicas use only the relays; these addresses are used only to distinguish the nodes.
        Nodes = [.. _nodes.Select(static each => new InitialNode(
            new NodeId(each.Id), new HostAndPort(each.Id + ".testkit", 1), new HostAndPort("127.0.0.1", each.Front!.Port), "", 1))],
        ShardCount = _options.Shards,
        ReplicationFactor = _options.ReplicationFactor ?? Math.Min(_options.Nodes, NodeOptions.ReplicationFactorDefault),
        Limits = new Limits { DiskReserveBytes = 0 },
        ClusterSecretFile = SecretFile(),
        NodesInProcess = _options.Nodes,

        Log = LogSizes.Small,
        Timings = new NodeTimings { ElectionTimeoutMin = _options.ElectionTimeout, ElectionTimeoutMax = _options.ElectionTimeout * 2 },
        Surroundings = _ways.Of(node),
    };
}
