using System.Net;
using System.Net.Sockets;
using Grpc.Net.Client;
using KvRaft.Node.Hosting;
using KvRaft.Node.Options;
using KvRaft.Storage.Engine;
using KvRaft.Topology;
using KvRaft.V1;
using Microsoft.Extensions.Logging;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.Tests.Running;

/// <summary>Real nodes in this process, on free ports and in temporary directories, with a channel to each.</summary>
public sealed class RunningCluster : IAsyncDisposable
{
    /// <summary>Generous: only a test that hangs meets it.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // A fault inside a node is otherwise only seen as INTERNAL.
    private static readonly ILoggerFactory Loggers = NodeLogging.ToConsole(LogLevel.Error);

    private readonly string _root = Directory.CreateTempSubdirectory("kvraft-running-").FullName;
    private readonly StorageResources _engines = new(new StorageBudget { MemoryBytes = StorageBudget.MemoryBytesMin });
    private readonly List<KvRaftNode?> _nodes = [];
    private readonly List<NodeOptions> _options = [];
    private readonly List<GrpcChannel> _channels = [];

    private RunningCluster()
    {
    }

    internal IReadOnlyList<KvRaftNode?> Nodes => _nodes;

    internal NodeOptions Options(int node) => _options[node];

    public GrpcChannel Channel(int node) => _channels[node];

    public Kv.KvClient Kv(int node) => new(_channels[node]);

    /// <summary>Starts nodes and waits until every shard has a leader.</summary>
    internal static async Task<RunningCluster> StartAsync(int nodes, int shards = 2, Func<NodeOptions, NodeOptions>? change = null)
    {
        var cluster = new RunningCluster();
        var initial = Enumerable.Range(1, nodes).Select(i => new InitialNode(
            new NodeId($"n{i}"), new HostAndPort("127.0.0.1", FreePort()), new HostAndPort("127.0.0.1", FreePort()), "", 1)).ToArray();
        foreach (var node in initial)
        {
            var options = new NodeOptions
            {
                ClusterId = new Guid("7c41e200-0000-4000-8000-000000000001"),
                ClusterName = "test",
                NodeId = node.Id,
                DataDirectory = Path.Combine(cluster._root, node.Id.Value),
                PublicListen = new IPEndPoint(IPAddress.Loopback, node.Public.Port),
                RaftListen = new IPEndPoint(IPAddress.Loopback, node.Raft.Port),
                Nodes = initial,
                ShardCount = shards,
                ReplicationFactor = nodes,
                Limits = new Limits { DiskReserveBytes = 0 },
                Timings = new NodeTimings { ElectionTimeoutMin = TimeSpan.FromMilliseconds(500), ElectionTimeoutMax = TimeSpan.FromMilliseconds(1000) },
            };
            cluster._options.Add(change?.Invoke(options) ?? options);
            cluster._nodes.Add(null);
            cluster._channels.Add(GrpcChannel.ForAddress($"http://{node.Public}"));
        }

        await Task.WhenAll(Enumerable.Range(0, nodes).Select(cluster.StartNodeAsync));
        await cluster.WhenReadyAsync();
        return cluster;
    }

    public async Task StartNodeAsync(int node)
    {
        using var patience = new CancellationTokenSource(Patience);
        _nodes[node] = await KvRaftNode.StartAsync(_options[node], _engines, Loggers, patience.Token);
    }

    /// <summary>Starts a node on other options, which is expected to fail.</summary>
    internal async Task StartAsync(NodeOptions options)
    {
        using var patience = new CancellationTokenSource(Patience);
        await using var node = await KvRaftNode.StartAsync(options, _engines, Loggers, patience.Token);
    }

    public async Task StopNodeAsync(int node)
    {
        await _nodes[node]!.DisposeAsync();
        _nodes[node] = null;
    }

    public async Task WhenReadyAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        await Task.WhenAll(_nodes.OfType<KvRaftNode>().Select(node => node.WhenReadyAsync(patience.Token)));
    }

    public async ValueTask DisposeAsync()
    {
        _channels.ForEach(channel => channel.Dispose());
        await Task.WhenAll(_nodes.OfType<KvRaftNode>().Select(node => node.DisposeAsync().AsTask()));
        _engines.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    internal static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
