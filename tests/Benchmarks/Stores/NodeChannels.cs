using Grpc.Net.Client;

namespace KvRaft.Benchmarks.Stores;

/// <summary>One channel per node, equal for every store that is called with plain gRPC.</summary>
internal sealed class NodeChannels(IEnumerable<string> endpoints) : IDisposable
{
    private readonly GrpcChannel[] _channels =
    [
        .. endpoints.Select(static endpoint => GrpcChannel.ForAddress($"http://{endpoint}", new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler { EnableMultipleHttp2Connections = true, UseProxy = false },
            DisposeHttpClient = true,
        })),
    ];

    public T[] Clients<T>(Func<GrpcChannel, T> create) => [.. _channels.Select(create)];

    public void Dispose()
    {
        foreach (var channel in _channels)
        {
            channel.Dispose();
        }
    }
}
