using Google.Protobuf;
using KvRaft.V1;

namespace KvRaft.Benchmarks.Stores;

/// <summary>KvRaft as seen by a gRPC client of any language: generated stubs, one call per operation, sent to any node and forwarded there.</summary>
internal sealed class UnaryStore : IStore
{
    private readonly NodeChannels _channels;
    private readonly Kv.KvClient[] _nodes;

    public UnaryStore(IEnumerable<string> endpoints)
    {
        _channels = new NodeChannels(endpoints);
        _nodes = _channels.Clients(static channel => new Kv.KvClient(channel));
    }

    public string Name => "kvraft unary";

    public async ValueTask PutAsync(int client, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value) =>
        await _nodes[client % _nodes.Length].PutAsync(
            new PutRequest { Key = UnsafeByteOperations.UnsafeWrap(key), Value = UnsafeByteOperations.UnsafeWrap(value) });

    public async ValueTask<bool> GetAsync(int client, ReadOnlyMemory<byte> key) =>
        (await _nodes[client % _nodes.Length].GetAsync(new GetRequest { Key = UnsafeByteOperations.UnsafeWrap(key) })).Found;

    public ValueTask DisposeAsync()
    {
        _channels.Dispose();
        return ValueTask.CompletedTask;
    }
}
