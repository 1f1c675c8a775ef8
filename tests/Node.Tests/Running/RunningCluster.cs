using Grpc.Net.Client;
using KvRaft.Node.Hosting;
using KvRaft.Node.Options;
using KvRaft.Node.Telemetry;
using KvRaft.TestKit;
using KvRaft.V1;
using Microsoft.Extensions.Logging;

namespace KvRaft.Node.Tests.Running;

/// <summary>Access to the internals of a <see cref="TestCluster"/>: its nodes, their options, and a channel to each.</summary>
public sealed class RunningCluster : IAsyncDisposable
{
    /// <summary>Long: only a test that hangs reaches it.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // Without it, a fault inside a node is only visible as INTERNAL.
    private static readonly ILoggerFactory Loggers = NodeLogging.ToConsole(Enum.TryParse<LogLevel>(Environment.GetEnvironmentVariable("KVRAFT_TEST_LOG_LEVEL"), out var level) ? level : LogLevel.Error);

    private readonly TestCluster _kit;
    private readonly List<GrpcChannel> _channels;

    private RunningCluster(TestCluster kit)
    {
        _kit = kit;
        _channels = [.. kit.Nodes.Select(static node => GrpcChannel.ForAddress("http://" + node.Endpoint))];
    }

    internal IReadOnlyList<KvRaftNode?> Nodes => [.. _kit.Nodes.Select(static node => node.Running)];

    internal NodeOptions Options(int node) => _kit.Nodes[node].Options;

    public GrpcChannel Channel(int node) => _channels[node];

    public Kv.KvClient Kv(int node) => new(_channels[node]);

    /// <summary>Starts nodes and waits until every shard has a leader.</summary>
    internal static async Task<RunningCluster> StartAsync(int nodes, int shards = 2, Func<NodeOptions, NodeOptions>? change = null) =>
        new(await TestCluster.StartAsync(
            new TestClusterOptions
            {
                Nodes = nodes,
                Shards = shards,
                ReplicationFactor = nodes,

                // Many clusters run at the same time here, and a lost leader is a fault of the test.
                ElectionTimeout = TimeSpan.FromMilliseconds(500),
                Loggers = Loggers,
                Patience = Patience,
            },
            change ?? (static own => own)));

    public Task StartNodeAsync(int node) => _kit.StartAsync(_kit.Nodes[node]);

    /// <summary>Starts a node on other options, which is expected to fail.</summary>
    internal async Task StartAsync(NodeOptions options)
    {
        await using var node = await _kit.StartBesideAsync(options);
    }

    public Task StopNodeAsync(int node) => _kit.StopAsync(_kit.Nodes[node]);

    public Task WhenReadyAsync() => _kit.WhenReadyAsync();

    public async ValueTask DisposeAsync()
    {
        _channels.ForEach(channel => channel.Dispose());
        await _kit.DisposeAsync();
    }
}
