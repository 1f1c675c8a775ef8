using KvRaft.Client;

namespace KvRaft.Benchmarks.Stores;

/// <summary>KvRaft through its typed client with default options: the pipe, direct routing, exactly-once writes.</summary>
internal sealed class TypedStore : IStore
{
    private readonly KvClient _client;
    private readonly IKeyspace<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> _keyspace;

    /// <summary>With a timeout as in the unary row, whose calls wait as long as the node does.</summary>
    public TypedStore(IReadOnlyList<string> endpoints)
        : this(new KvClientOptions { Endpoints = endpoints, Timeout = TimeSpan.FromSeconds(10), AttemptTimeout = TimeSpan.FromSeconds(5) })
    {
    }

    public TypedStore(KvClientOptions options)
    {
        _client = KvClient.Connect(options);
        _keyspace = _client.Keyspace();
    }

    public string Name => "kvraft typed";

    public async ValueTask PutAsync(int client, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value) => await _keyspace.PutAsync(key, value);

    public async ValueTask<bool> GetAsync(int client, ReadOnlyMemory<byte> key) => (await _keyspace.GetAsync(key)).Found;

    public ValueTask DisposeAsync() => _client.DisposeAsync();
}
