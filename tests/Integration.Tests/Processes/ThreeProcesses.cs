using Grpc.Net.Client;
using KvRaft.Client;
using KvRaft.V1;

namespace KvRaft.Integration.Tests.Processes;

/// <summary>One cluster of three processes for all tests of a class that leave it whole; each uses keys of its own.</summary>
public sealed class ThreeProcesses : IAsyncLifetime
{
    private readonly List<GrpcChannel> _channels = [];
    private ProcessCluster? _cluster;
    private KvClient? _client;

    public KvClient Client => _client!;

    /// <summary>Plain gRPC to each node, as a client in another language uses it.</summary>
    public IReadOnlyList<Kv.KvClient> Kv => [.. _channels.Select(static channel => new Kv.KvClient(channel))];

    public async ValueTask InitializeAsync()
    {
        _cluster = await ProcessCluster.StartAsync(shards: 4);
        _client = _cluster.Client();
        _channels.AddRange(_cluster.Nodes.Select(node => GrpcChannel.ForAddress($"http://{_cluster.Endpoint(node)}")));
    }

    public async ValueTask DisposeAsync()
    {
        _channels.ForEach(static channel => channel.Dispose());
        if (_client is not null)
        {
            await _client.DisposeAsync();
        }

        if (_cluster is not null)
        {
            await _cluster.DisposeAsync();
        }
    }
}
