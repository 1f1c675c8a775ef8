using System.Collections.Concurrent;

namespace KvRaft.Client.Transport;

/// <summary>
/// One connection per node, made when first used and kept until the client closes: nodes are few, and an idle connection costs a
/// socket. Safe for many threads.
/// </summary>
internal sealed class ConnectionPool(KvClientOptions options) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, Lazy<NodeConnection>> _connections = new(StringComparer.OrdinalIgnoreCase);
    private volatile bool _closed;

    /// <exception cref="ObjectDisposedException">The client was closed.</exception>
    public NodeConnection To(string endpoint)
    {
        ObjectDisposedException.ThrowIf(_closed, typeof(KvClient));
        return _connections.GetOrAdd(
            endpoint,
            static (key, settings) => new Lazy<NodeConnection>(() => new NodeConnection(key, settings)),
            options).Value;
    }

    /// <summary>Calls waiting for an answer, over all nodes.</summary>
    public int InFlight => _connections.Values.Sum(static connection => connection.IsValueCreated ? connection.Value.InFlight : 0);

    public async ValueTask DisposeAsync()
    {
        _closed = true;
        foreach (var connection in _connections.Values)
        {
            if (connection.IsValueCreated)
            {
                await connection.Value.DisposeAsync().ConfigureAwait(false);
            }
        }
    }
}
