using System.Globalization;
using System.Net;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Storage.Engine;
using KvRaft.Topology;

namespace KvRaft.Node.Hosting;

/// <summary>
/// Three nodes <c>n1</c> to <c>n3</c> in one process on loopback. The cluster's identity is created once and stored beside the
/// nodes' directories, so that a second start is the same cluster and finds its data.
/// </summary>
internal sealed class DevCluster : IAsyncDisposable
{
    public const int BasePortDefault = 7400;

    /// <summary>Enough that every node leads some shards and requests are forwarded; few enough to be ready in seconds.</summary>
    public const int ShardCountDefault = 8;

    private const int NodeCount = 3;

    /// <summary>The offset of a node's Raft port from its public one.</summary>
    private const int RaftPortOffset = 100;

    /// <summary>The offset of a node's JSON port from its public one.</summary>
    private const int HttpPortOffset = 10;

    private readonly DataDirectory _directory;
    private readonly StorageResources _engines;
    private readonly List<KvRaftNode> _nodes = [];

    private DevCluster(DataDirectory directory, StorageResources engines) => (_directory, _engines) = (directory, engines);

    public IReadOnlyList<KvRaftNode> Nodes => _nodes;

    /// <summary>Starts the nodes; they listen when this returns.</summary>
    /// <exception cref="NodeStartException">A port is taken, or the directory is in use, unusable or of another cluster.</exception>
    /// <exception cref="InvalidOptionsException">The shard count or a port is out of range.</exception>
    public static async Task<DevCluster> StartAsync(
        string data, bool fresh, int basePort, int shards, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        if (basePort is < 1024 or > IPEndPoint.MaxPort - RaftPortOffset - NodeCount)
        {
            throw new InvalidOptionsException([new OptionMistake(
                "--base-port", basePort.ToString(CultureInfo.InvariantCulture), $"1024 to {IPEndPoint.MaxPort - RaftPortOffset - NodeCount}")]);
        }

        // The options first: a start that they forbid must not delete data for --fresh.
        foreach (var number in Enumerable.Range(1, NodeCount))
        {
            NodeOptionsValidator.Demand(Options(number, Guid.NewGuid(), data, basePort, shards));
        }

        var directory = DevDirectory.Hold(data);
        DevCluster cluster;
        Guid clusterId;
        try
        {
            clusterId = DevDirectory.Identity(directory, [.. Enumerable.Range(1, NodeCount).Select(number => DirectoryOf(number, data))], fresh);
            cluster = new DevCluster(directory, new StorageResources(new StorageBudget()));
        }
        catch
        {
            await directory.DisposeAsync();
            throw;
        }

        try
        {
            foreach (var options in Enumerable.Range(1, NodeCount).Select(i => Options(i, clusterId, data, basePort, shards)))
            {
                cluster._nodes.Add(await KvRaftNode.StartAsync(options, cluster._engines, loggers, cancellationToken));
            }

            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    public Task WhenReadyAsync(CancellationToken cancellationToken) =>
        Task.WhenAll(_nodes.Select(node => node.WhenReadyAsync(cancellationToken)));

    private static NodeOptions Options(int number, Guid clusterId, string data, int basePort, int shards) => new()
    {
        ClusterId = clusterId,
        ClusterName = "dev",
        NodeId = IdOf(number),
        DataDirectory = DirectoryOf(number, data),
        PublicListen = new IPEndPoint(IPAddress.Loopback, basePort + number),
        HttpListen = new IPEndPoint(IPAddress.Loopback, basePort + HttpPortOffset + number),
        RaftListen = new IPEndPoint(IPAddress.Loopback, basePort + RaftPortOffset + number),
        Nodes = [.. Enumerable.Range(1, NodeCount).Select(i => new InitialNode(
            IdOf(i), new HostAndPort("127.0.0.1", basePort + RaftPortOffset + i), new HostAndPort("127.0.0.1", basePort + i), "", 1))],
        ShardCount = shards,
        ReplicationFactor = NodeCount,
        ClusterSecretFile = DevDirectory.SecretOf(data),
        NodesInProcess = NodeCount,
        Log = LogSizes.Small,
    };

    private static string DirectoryOf(int number, string data) => Path.Combine(data, IdOf(number).Value);

    private static NodeId IdOf(int number) => new("n" + number.ToString(CultureInfo.InvariantCulture));

    public async ValueTask DisposeAsync()
    {
        // All at once: if one node stops while the others run, they elect new leaders without need.
        await Task.WhenAll(_nodes.Select(node => node.DisposeAsync().AsTask()));
        _engines.Dispose();
        await _directory.DisposeAsync();
    }
}
