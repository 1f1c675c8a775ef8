using System.Net;
using System.Net.Sockets;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Node.Telemetry;
using KvRaft.Raft.Background;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace KvRaft.Node.Http;

/// <summary>
/// Accepts the connections of clients, in the place of Kestrel's own transport, which has two faults here: with no descriptor left it repeats at once, for as
/// long as that lasts, with all of a processor; and at its limit it rejects new connections, so that idle connections of one party exclude all others.
/// <para>
/// Here a failing accept pauses, with one line in ten seconds. At the limit a connection without a call in progress is closed for the new one, first those that never had a call;
/// only if all are busy, the new connection is closed. One address never has all the places (<see cref="ConnectionLimits.PerAddressMax"/>): at its limit a new connection replaces
/// an idle one of its own, or is closed. Kestrel closes a connection that stays idle for <see cref="NodeTimings.ConnectionIdle"/>.
/// </para>
/// Thread-safe.
/// </summary>
internal sealed class ClientConnections(
    NodeOptions options, ConnectionLimits limits, StreamPace pace, NodeFailure failure, TimeProvider time, ILogger<ClientConnections> logger) : IConnectionListenerFactory, IDisposable
{
    private const int Backlog = 512;

    private readonly Lock _gate = new();
    private readonly HashSet<ClientConnection> _open = [];
    private readonly HashSet<ClientConnection> _ending = [];
    private readonly Dictionary<IPAddress, int> _perAddress = [];
    private readonly LineThrottle _failures = new(time);
    private readonly LineThrottle _full = new(time);
    private readonly LineThrottle _fullOfOne = new(time);
    private readonly SocketConnectionContextFactory _contexts = new(new SocketConnectionFactoryOptions(), logger);
    private long _refused;

    /// <summary>Connections that are open, those about to end included.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _open.Count + _ending.Count;
            }
        }
    }

    /// <summary>Connections closed at once since the start, because a limit was reached and every connection that might be replaced had a call in progress.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    public void Dispose() => _contexts.Dispose();

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        Socket? socket = null;
        try
        {
            socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
            socket.Listen(Backlog);
            return new(new Listener(this, socket));
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            // The exception that Kestrel expects of a transport, and turns into a message that names the address.
            socket?.Dispose();
            throw new AddressInUseException(error.Message, error);
        }
    }

    /// <summary>Null: all connections that might be replaced are busy, and the new one must be closed.</summary>
    private ConnectionContext? TryTake(Socket socket, EndPoint at)
    {
        var address = ClientConnection.AddressOf(socket.RemoteEndPoint);
        ClientConnection? taken = null, displaced = null;
        bool isCut = false, isOfOne;
        try
        {
            lock (_gate)
            {
                isOfOne = _perAddress.GetValueOrDefault(address) >= limits.PerAddressMax;
                if ((isOfOne || _open.Count >= limits.PublicMax) && (displaced = IdleMost(isOfOne ? address : null)) is not null)
                {
                    // Connections that end gracefully take up to a second; when many do so already, the next are cut.
                    isCut = !displaced.HasBeenUsed || _ending.Count >= limits.PublicMax / 4;
                    Close(displaced);
                    _ending.Add(displaced);
                }

                if (_open.Count < limits.PublicMax && _perAddress.GetValueOrDefault(address) < limits.PerAddressMax)
                {
                    _open.Add(taken = new ClientConnection(_contexts.Create(socket), address, pace, time));
                    _perAddress[address] = _perAddress.GetValueOrDefault(address) + 1;
                }
            }
        }
        finally
        {
            // Also if the newest is closed already, and cannot be taken.
            if (displaced is not null)
            {
                _ = displaced.EndAsync(isCut);
            }
        }

        if (displaced is not null || taken is null)
        {
            TellFull(at, isOfOne ? address : null, taken is not null ? "an idle one was closed for the newest" : "the newest was closed, because each of the others has a call in progress");
        }

        if (taken is null)
        {
            Interlocked.Increment(ref _refused);
            return null;
        }

        taken.Remember();
        taken.Context.ConnectionClosed.UnsafeRegister(
            static state =>
            {
                var (owner, connection) = ((ClientConnections, ClientConnection))state!;
                owner.Forget(connection);
            },
            (this, taken));
        return taken.Context;
    }

    /// <summary>The search runs only at a limit: some thousand connections, a few microseconds.</summary>
    private ClientConnection? IdleMost(IPAddress? of) => _open
        .Where(connection => connection.IsIdle && (of is null || connection.Address.Equals(of)))
        .MinBy(static connection => (connection.HasBeenUsed, connection.UsedAt));

    private void Forget(ClientConnection connection)
    {
        connection.OnClosed();
        lock (_gate)
        {
            if (!Close(connection))
            {
                _ending.Remove(connection);
            }
        }
    }

    /// <summary>Under the lock. False: it was not open any more.</summary>
    private bool Close(ClientConnection connection)
    {
        if (!_open.Remove(connection))
        {
            return false;
        }

        if (--_perAddress[connection.Address] == 0)
        {
            _perAddress.Remove(connection.Address);
        }

        return true;
    }

    private void Fail(Exception cause) => failure.Report(new BackgroundFaultException("accepting clients", cause));

    private Task PauseAsync(SocketException error, EndPoint at, TimeSpan pause, CancellationToken unbound)
    {
        if (_failures.TryPass(out var suppressed))
        {
            logger.AcceptFailed(error, options.NodeId, at.ToString() ?? "?", Count, suppressed);
        }

        return Task.Delay(pause, time, unbound).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    /// <param name="at">The endpoint of the newest connection.</param>
    /// <param name="of">Null: the limit of all connections was reached.</param>
    /// <param name="what">The outcome for it.</param>
    private void TellFull(EndPoint at, IPAddress? of, string what)
    {
        if (of is null && _full.TryPass(out var suppressed))
        {
            logger.ConnectionsFull(options.NodeId, limits.PublicMax, at.ToString() ?? "?", what, suppressed);
        }
        else if (of is not null && _fullOfOne.TryPass(out suppressed))
        {
            logger.ConnectionsOfAddressFull(options.NodeId, limits.PerAddressMax, of.ToString(), at.ToString() ?? "?", what, suppressed);
        }
    }

    private sealed class Listener(ClientConnections owner, Socket socket) : IConnectionListener
    {
        /// <summary>While the process has no descriptor left, accepting fails at once and again; the pause doubles between these two.</summary>
        private static readonly TimeSpan PauseMin = TimeSpan.FromMilliseconds(10);

        private static readonly TimeSpan PauseMax = TimeSpan.FromSeconds(1);

        private readonly CancellationTokenSource _unbound = new();

        public EndPoint EndPoint { get; } = socket.LocalEndPoint!;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            var pause = PauseMin;
            while (!_unbound.IsCancellationRequested)
            {
                Socket? accepted = null;
                try
                {
                    accepted = await socket.AcceptAsync(_unbound.Token);
                    accepted.NoDelay = true;
                    pause = PauseMin;
                    if (owner.TryTake(accepted, EndPoint) is { } connection)
                    {
                        return connection;
                    }

                    // At once, with a reset: the other side must not wait for an answer, and no descriptor lingers.
                    accepted.Close(0);
                }
                catch (Exception error) when (_unbound.IsCancellationRequested && (error is OperationCanceledException or ObjectDisposedException))
                {
                    accepted?.Dispose();
                    break;
                }
                catch (Exception error) when (accepted is not null && (error is SocketException or ObjectDisposedException))
                {
                    // Reset by the other side a moment after it was accepted.
                    accepted.Dispose();
                }
                catch (SocketException error) when (error.SocketErrorCode is not (SocketError.ConnectionAborted or SocketError.ConnectionReset))
                {
                    await owner.PauseAsync(error, EndPoint, pause, _unbound.Token);
                    pause = pause < PauseMax / 2 ? 2 * pause : PauseMax;
                }
                catch (SocketException)
                {
                    // The other side disconnected before it was accepted: the next one.
                }
                catch (Exception error)
                {
                    // Kestrel would end its loop, and with it this port: a node that no client can reach.
                    accepted?.Dispose();
                    owner.Fail(error);
                    throw;
                }
            }

            return null;
        }

        public async ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            await _unbound.CancelAsync();
            socket.Dispose();
        }

        public async ValueTask DisposeAsync()
        {
            await UnbindAsync();
            _unbound.Dispose();
        }
    }
}
