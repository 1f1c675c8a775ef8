using System.Globalization;
using KvRaft.Client;
using KvRaft.V1;

namespace KvRaft.Benchmarks.Stores;

/// <summary>
/// An eventual keyspace of the same cluster, through the same typed client. Last-writer-wins, so that a put is one request as in a strong keyspace:
/// with siblings a writer must read first, or values accumulate.
/// </summary>
internal sealed class EventualStore : IStore
{
    private const string Keyspace = "bench";

    private readonly KvClient _client;
    private readonly IEventualKeyspace<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> _keyspace;
    private readonly KvEventualOptions _quorum;

    private EventualStore(KvClient client, int write, int read)
    {
        _client = client;
        _keyspace = client.Eventual.Keyspace(Keyspace);
        _quorum = new KvEventualOptions { Write = write, Read = read };
        Name = string.Create(CultureInfo.InvariantCulture, $"eventual W={write} R={read}");
    }

    public string Name { get; }

    /// <summary>Connects, and creates the keyspace with three copies if it does not exist.</summary>
    public static async Task<EventualStore> OpenAsync(IReadOnlyList<string> endpoints, int write, int read, CancellationToken cancellationToken)
    {
        var client = KvClient.Connect(new KvClientOptions { Endpoints = endpoints, Timeout = TimeSpan.FromSeconds(10), AttemptTimeout = TimeSpan.FromSeconds(5) });
        await client.Administration.Calls.CreateKeyspaceAsync(
            new KeyspaceInfo { Name = Keyspace, Mode = KeyspaceMode.Eventual, Eventual = new EventualPolicy { N = 3, Conflict = ConflictPolicy.LastWriter } },
            ifNotExists: true, cancellationToken);
        return new EventualStore(client, write, read);
    }

    public async ValueTask PutAsync(int client, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value) =>
        await _keyspace.PutAsync(key, value, KvContext.None, _quorum);

    public async ValueTask<bool> GetAsync(int client, ReadOnlyMemory<byte> key) => (await _keyspace.GetAsync(key, _quorum)).Items.Count > 0;

    public ValueTask DisposeAsync() => _client.DisposeAsync();
}
