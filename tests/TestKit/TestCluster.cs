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
/// A whole cluster in this process, for tests: real nodes, real Raft, real disk, on ports of loopback that nobody else has. Ready in about a second.
/// <code>
/// await using var cluster = await TestCluster.StartAsync();
/// await using var client = cluster.CreateClient();
/// await client.TextKeyspace().PutAsync("key", "value");
/// var leader = await cluster.LeaderOfAsync("key");
/// cluster.Isolate(leader);                                   // the client goes on with the others
/// cluster.Heal();
/// </code>
/// <para>
/// Faults come by call and stay until they are undone. What a process cannot do to itself is done to the ways between the nodes, all of which lead
/// through relays of this kit: a paused node is one that nothing reaches and that reaches nobody (its own threads go on); a killed one loses its
/// connections without a farewell and is then taken down, keeping on disk what it had. A machine that loses its power is not modelled.
/// </para>
/// <para>Members may be called from any thread, but faults of one node one after the other.</para>
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

    /// <summary>What a client connects with.</summary>
    public string ConnectionString => $"kvraft://{string.Join(',', _nodes.Select(static node => node.Endpoint))}/{KvClientOptions.DefaultKeyspace}";

    /// <summary>Starts a cluster of so many nodes and waits until every shard has a leader.</summary>
    public static Task<TestCluster> StartAsync(int nodes = 3, CancellationToken cancellationToken = default) =>
        StartAsync(new TestClusterOptions { Nodes = nodes }, cancellationToken);

    /// <summary>Starts a cluster and waits until every shard has a leader.</summary>
    /// <exception cref="TimeoutException">That took longer than <see cref="TestClusterOptions.Patience"/>.</exception>
    public static Task<TestCluster> StartAsync(TestClusterOptions options, CancellationToken cancellationToken = default) =>
        StartAsync(options, static own => own, cancellationToken);

    /// <summary>For the tests of the node itself, which may change what no user of the kit can.</summary>
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
    /// <param name="change">Changes the options; null: as they are.</param>
    public KvClient CreateClient(Func<KvClientOptions, KvClientOptions>? change = null)
    {
        var options = KvClientOptions.Parse(ConnectionString);
        return new KvClient(change?.Invoke(options) ?? options);
    }

    /// <summary>Waits until each node that runs knows a leader of every shard. Not to be called while a majority is cut off.</summary>
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

    /// <summary>The node that leads a key's shard; waits for one, and may be wrong a moment later.</summary>
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

            // Whoever was asked will hear of the next leader; nothing tells this client when.
            await Task.Delay(_options.ElectionTimeout / 10, patience.Token);
        }
    }

    /// <summary>
    /// Divides the nodes: those named here and the others do not reach each other; clients reach all. Connections stand and stay silent, as when a
    /// network swallows packets.
    /// </summary>
    public void Partition(params IEnumerable<TestNode> side)
    {
        var here = side.ToHashSet();
        foreach (var relay in here.SelectMany(one => _nodes.Where(other => !here.Contains(other)).SelectMany(other => _ways.Between(one, other))))
        {
            relay.Hold();
        }
    }

    /// <summary>Nothing reaches this node and it reaches nobody, clients among them.</summary>
    public void Isolate(TestNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        Hold(node);
    }

    /// <summary>As a process that is stopped: whoever is connected stays so and hears nothing. Its own threads go on; see the class.</summary>
    public void Pause(TestNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        Hold(node);
    }

    /// <summary>What was sent to and by a paused or isolated node meanwhile arrives.</summary>
    public void Resume(TestNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        foreach (var relay in _ways.Of(node, withClients: true))
        {
            relay.LetGo();
        }
    }

    /// <summary>All ways are open again; clocks and killed nodes stay as they are.</summary>
    public void Heal()
    {
        foreach (var relay in _ways.All)
        {
            relay.LetGo();
        }
    }

    /// <summary>Connections of the node break at once, and it is gone when this ends; <see cref="StartAsync(TestNode, CancellationToken)"/> brings it back.</summary>
    public async Task KillAsync(TestNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        if (node.Running is not { } running)
        {
            return;
        }

        // From now on whoever asks for it is refused.
        node.Running = null;
        foreach (var relay in _ways.Of(node, withClients: true))
        {
            relay.Cut();
        }

        await running.DisposeAsync();
    }

    /// <summary>Stops a node in good order: it ends what it has begun, and says so.</summary>
    public async Task StopAsync(TestNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        if (node.Running is { } running)
        {
            await running.DisposeAsync();
            node.Running = null;
        }
    }

    /// <summary>Starts a node that was killed or stopped, with the data it had. Does not wait for leaders; see <see cref="WhenReadyAsync"/>.</summary>
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

    /// <summary>Sets a node's wall clock so far ahead of the real one, or behind it; it runs on from there.</summary>
    public void SetClock(TestNode node, TimeSpan ahead)
    {
        ArgumentNullException.ThrowIfNull(node);
        node.Clock.Offset = ahead;
    }

    /// <summary>Starts a node on other options, beside the cluster.</summary>
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

        // Replicas are found by the ways alone; what stands here is only told apart.
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
