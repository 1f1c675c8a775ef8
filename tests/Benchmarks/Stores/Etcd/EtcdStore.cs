using Google.Protobuf;

namespace KvRaft.Benchmarks.Stores.Etcd;

/// <summary>etcd through its gRPC key-value service, with the same kind of generated stub as <see cref="UnaryStore"/>.</summary>
internal sealed class EtcdStore : IStore
{
    private readonly NodeChannels _channels;
    private readonly KV.KVClient[] _nodes;

    public EtcdStore(IEnumerable<string> endpoints)
    {
        _channels = new NodeChannels(endpoints);
        _nodes = _channels.Clients(static channel => new KV.KVClient(channel));
    }

    public string Name => "etcd";

    public async ValueTask PutAsync(int client, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value) =>
        await _nodes[client % _nodes.Length].PutAsync(
            new PutRequest { Key = UnsafeByteOperations.UnsafeWrap(key), Value = UnsafeByteOperations.UnsafeWrap(value) });

    public async ValueTask<bool> GetAsync(int client, ReadOnlyMemory<byte> key) =>
        (await _nodes[client % _nodes.Length].RangeAsync(new RangeRequest { Key = UnsafeByteOperations.UnsafeWrap(key) })).Kvs.Count == 1;

    public ValueTask DisposeAsync()
    {
        _channels.Dispose();
        return ValueTask.CompletedTask;
    }
}
