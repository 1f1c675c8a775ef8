using System.Collections.Concurrent;

namespace KvRaft.Client.Transport;

/// <summary>
/// One connection per node, opened on first use and kept until the client closes: there are few nodes, and an idle connection costs one socket.
/// Thread-safe.
/// </summary>
internal sealed class ConnectionPool(KvClientOptions options) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, Lazy<NodeConnection>> _connections = new(StringComparer.OrdinalIgnoreCase);
    private volatile bool _closed;

    /// <exception cref="ObjectDisposedException">The client was closed.</exception>
    public NodeConnection To(string endpoint)
    {
        if (_closed)
        {
            throw NodeConnection.ClientClosed();
        }

        return _connections.GetOrAdd(
            endpoint,
            static (key, settings) => new Lazy<NodeConnection>(() => new NodeConnection(key, settings)),
            options).Value;
    }

    /// <summary>Calls that wait for an answer, over all nodes.</summary>
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
