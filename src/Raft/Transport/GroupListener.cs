using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvRaft.Raft.Transport;

/// <summary>One replica's part of the node's listener: DotNext accepts connections from it as from a port of its own.</summary>
internal sealed class GroupListener(EndPoint identity, TermGate terms, Action unregister, Func<Socket, ConnectionContext> wrap) : IConnectionListener, IConnectionListenerFactory
{
    /// <summary>One connection per peer plus reconnects; if more wait, the replica has stopped accepting.</summary>
    private const int WaitingMax = 64;

    /// <summary>
    /// Takes a buffer before data arrives, and continues on the thread of the socket's event instead of a second queue: a put of 64 clients over 64 groups
    /// cost the nodes 606 and 617 µs of CPU with it, 812 and 643 without (tests/Benchmarks, "What a put costs"). It holds a block of 4 KiB per connection, and a connection is one peer of one replica.
    /// </summary>
    private static readonly SocketConnectionContextFactory Contexts = new(
        new SocketConnectionFactoryOptions { WaitForDataBeforeAllocatingBuffer = false, UnsafePreferInlineScheduling = true },
        NullLogger.Instance);

    private readonly Channel<ConnectionContext> _accepted = Channel.CreateBounded<ConnectionContext>(WaitingMax);

    public EndPoint EndPoint { get; } = identity;

    public static ConnectionContext Wrap(Socket socket) => Contexts.Create(socket);

    /// <summary>Takes ownership of the socket when it answers true.</summary>
    /// <param name="socket">The socket, after its handshake.</param>
    /// <param name="ended">Called once when the connection has ended.</param>
    public bool TryHandOver(Socket socket, Action ended)
    {
        var connection = wrap(socket);
        connection.Transport = GuardedTransport.OfServer(connection.Transport, terms);
        if (!_accepted.Writer.TryWrite(connection))
        {
            return false;
        }

        connection.ConnectionClosed.UnsafeRegister(static state => ((Action)state!).Invoke(), ended);
        return true;
    }

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) => new(this);

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return await _accepted.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            return null;
        }
    }

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        unregister();
        _accepted.Writer.TryComplete();
        return default;
    }

    public async ValueTask DisposeAsync()
    {
        await UnbindAsync().ConfigureAwait(false);
        while (_accepted.Reader.TryRead(out var waiting))
        {
            await waiting.DisposeAsync().ConfigureAwait(false);
        }
    }
}

/// <summary>Connects one replica to its peers, by identity. DotNext keeps one connection per peer.</summary>
internal sealed class GroupConnector(NodeDialer dialer, TermGate terms) : IConnectionFactory
{
    public async ValueTask<ConnectionContext> ConnectAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        if (!ReplicaEndPoint.TryParse(endpoint, out var node, out _))
        {
            throw new IOException($"'{endpoint}' is not the name of a replica.");
        }

        var target = ((UriEndPoint)endpoint).Uri.AbsoluteUri;
        var connection = GroupListener.Wrap(await dialer.ConnectAsync(node, ConnectionKind.Raft, target, cancellationToken).ConfigureAwait(false));
        connection.Transport = GuardedTransport.OfClient(connection.Transport, terms);
        return new OutgoingConnection(connection);
    }
}
