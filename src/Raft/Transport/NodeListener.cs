using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using KvRaft.Raft.Background;
using KvRaft.Raft.Log;
using KvRaft.Raft.Runs;
using KvRaft.Raft.Telemetry;
using KvRaft.Topology;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Transport;

/// <summary>
/// A node's only listening socket for its peers. It performs the handshake of each connection (<see cref="Handshake"/>), refuses those that are not meant for this
/// node, and passes the others to the replica (Raft) or the peer service that the header names. Thread-safe.
/// </summary>
internal sealed class NodeListener : IAsyncDisposable
{
    /// <summary>The handshake is two short round trips between machines that are close; a connection that has not finished it in 5 s is not a peer's.</summary>
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Accept fails at once, and again at once, while the process has no free descriptor. The pause doubles between these two.</summary>
    private static readonly TimeSpan AcceptPauseMin = TimeSpan.FromMilliseconds(10);

    private static readonly TimeSpan AcceptPauseMax = TimeSpan.FromSeconds(1);

    private readonly Guid _clusterId;
    private readonly NodeId _self;
    private readonly Handshake _handshake;
    private readonly ConnectionRoom _room;
    private readonly Func<Socket, NodeId, CancellationToken, Task> _servePeer;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly Socket _socket;
    private readonly ConcurrentDictionary<ReplicaKey, GroupListener> _groups = new();
    private readonly ConcurrentDictionary<Task, byte> _connections = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly LogThrottle _acceptLines;
    private readonly LogThrottle _refusalLines;
    private readonly LogThrottle _unprovenLines;
    private readonly LogThrottle _faultLines;
    private readonly Task _accepting;

    /// <exception cref="IOException">The address is not available; the message contains the reason.</exception>
    public NodeListener(
        Guid clusterId, NodeId self, IPEndPoint listen, Handshake handshake, int connectionsMax, Func<Socket, NodeId, CancellationToken, Task> servePeer,
        BackgroundTasks background, TimeProvider time, ILogger logger)
    {
        _clusterId = clusterId;
        _self = self;
        _handshake = handshake;
        _room = new ConnectionRoom(connectionsMax);
        _servePeer = servePeer;
        _logger = logger;
        _time = time;
        _acceptLines = new LogThrottle(LogThrottle.PeriodDefault, time);
        _refusalLines = new LogThrottle(LogThrottle.PeriodDefault, time);
        _unprovenLines = new LogThrottle(LogThrottle.PeriodDefault, time);
        _faultLines = new LogThrottle(LogThrottle.PeriodDefault, time);
        _socket = Listen(listen);
        LocalEndPoint = (IPEndPoint)_socket.LocalEndPoint!;
        _accepting = background.StartLoop("accepting connections", AcceptAsync, _stopping.Token);
    }

    /// <summary>The listening address; it has the real port if 0 was requested.</summary>
    public IPEndPoint LocalEndPoint { get; }

    /// <summary>The records of the other nodes' runs.</summary>
    public RunBook Runs { get; init; } = RunBook.InMemory();

    /// <summary>The present number of connections from other nodes.</summary>
    public int ConnectionCount => _room.Count;

    /// <param name="key">The replica.</param>
    /// <param name="identity">Its name.</param>
    /// <param name="terms">Checks the terms of messages.</param>
    /// <param name="wrap">For tests: makes a connection from a socket; see <see cref="GroupListener.Wrap"/>.</param>
    public GroupListener Register(ReplicaKey key, EndPoint identity, TermGate terms, Func<Socket, ConnectionContext>? wrap = null)
    {
        var listener = new GroupListener(identity, terms, () => _groups.TryRemove(key, out _), wrap ?? GroupListener.Wrap);
        return _groups.TryAdd(key, listener)
            ? listener
            : throw new InvalidOperationException($"Replica {key} already listens.");
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        _socket.Dispose();
        await _accepting.ConfigureAwait(false);
        await Task.WhenAll(_connections.Keys).ConfigureAwait(false);
        _stopping.Dispose();
    }

    private static Socket Listen(IPEndPoint listen)
    {
        var socket = new Socket(listen.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            // .NET already lets a restarted node bind while old connections are in TIME_WAIT. ReuseAddress would
            // also set SO_REUSEPORT on Linux, and two nodes could listen on one port without an error.
            socket.Bind(listen);

            // Every group of every peer connects at start: hundreds at a time are normal.
            socket.Listen(1024);
            return socket;
        }
        catch (SocketException error)
        {
            socket.Dispose();
            throw new IOException($"Cannot listen for peers on {listen}: {error.Message}.", error);
        }
    }

    private async Task AcceptAsync(CancellationToken stoppingToken)
    {
        var pause = AcceptPauseMin;
        while (!stoppingToken.IsCancellationRequested)
        {
            Socket accepted;
            try
            {
                accepted = await _socket.AcceptAsync(stoppingToken).ConfigureAwait(false);
                pause = AcceptPauseMin;
            }
            catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException error)
            {
                if (_acceptLines.TryPass(out var suppressed))
                {
                    LogMessages.AcceptFailed(_logger, _room.Count, suppressed, error);
                }

                await Task.Delay(pause, _time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                pause = pause < AcceptPauseMax / 2 ? 2 * pause : AcceptPauseMax;
                continue;
            }

            Track(ServeAsync(accepted));
        }
    }

    private void Track(Task connection)
    {
        _connections.TryAdd(connection, 0);
        _ = connection.ContinueWith(
            done => _connections.TryRemove(done, out _), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    private async Task ServeAsync(Socket socket)
    {
        try
        {
            Prepare(socket);
            if (await GreetAsync(socket).ConfigureAwait(false) is not { } header)
            {
                socket.Dispose();
            }
            else if (header.Kind == ConnectionKind.Peer)
            {
                await ServePeerAsync(socket, header.From).ConfigureAwait(false);
            }
            else
            {
                HandOver(socket, header);
            }
        }
        catch (Exception error) when (error is IOException or InvalidDataException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The peer closed the connection, or this node stops: the end of a connection is not an event.
            LogMessages.ConnectionEnded(_logger, error.Message);
            socket.Dispose();
        }
        catch (Exception error)
        {
            // A fault in this node's answer to one peer ends that connection, and must be logged; other connections are not affected.
            if (_faultLines.TryPass(out var suppressed))
            {
                LogMessages.ConnectionFaulted(_logger, suppressed, error);
            }

            socket.Dispose();
        }
    }

    /// <summary>The connection's count is released by the replica when the connection ends, or by this method if the replica does not take it, for whatever reason.</summary>
    private void HandOver(Socket socket, HandshakeHeader header)
    {
        var isTaken = false;
        try
        {
            isTaken = ReplicaEndPoint.TryParse(header.Target, out _, out var key)
                && _groups.TryGetValue(key, out var group)
                && group.TryHandOver(socket, () => _room.Leave(header.From));
        }
        finally
        {
            if (!isTaken)
            {
                _room.Leave(header.From);
                socket.Dispose();
            }
        }
    }

    private async Task ServePeerAsync(Socket socket, NodeId from)
    {
        try
        {
            using (socket)
            {
                await _servePeer(socket, from, _stopping.Token).ConfigureAwait(false);
            }
        }
        finally
        {
            _room.Leave(from);
        }
    }

    /// <summary>If a machine vanishes without closing a connection, the descriptor stays open here until three keep-alive probes of the kernel have failed.</summary>
    private static void Prepare(Socket socket)
    {
        socket.NoDelay = true;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 60);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 10);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
    }

    /// <summary>Null: refused. Otherwise the connection is counted.</summary>
    private async Task<HandshakeHeader?> GreetAsync(Socket socket)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        timeout.CancelAfter(HandshakeTimeout);
        using var stream = new NetworkStream(socket, ownsSocket: false);
        var place = _room.Greet(socket);
        try
        {
            var (header, answer, isProven) = await _handshake.AcceptAsync(stream, Judge, timeout.Token).ConfigureAwait(false);
            if (answer == HandshakeAnswer.Accepted && !await IsRunAcceptedAsync(stream, socket, header!.From, isProven, timeout.Token).ConfigureAwait(false))
            {
                return null;
            }

            if (answer == HandshakeAnswer.Accepted && _room.TryEnter(header!.From))
            {
                TellUnproven(header, isProven);
                return header;
            }

            Refused(header, answer == HandshakeAnswer.Accepted ? HandshakeAnswer.TooManyConnections : answer);
            return null;
        }
        finally
        {
            _room.Greeted(place);
        }
    }

    /// <summary>True if the connecting node's run may take part.</summary>
    private async Task<bool> IsRunAcceptedAsync(Stream stream, Socket socket, NodeId from, bool isProven, CancellationToken cancellationToken) =>
        await RunExchange.AcceptAsync(stream, Runs, from, isProven, cancellationToken).ConfigureAwait(false) is { } run && Runs.TryHold(from, run, socket);

    private void Refused(HandshakeHeader? header, HandshakeAnswer answer)
    {
        // While a node starts and stops, peers request replicas that are not open hundreds of times.
        if (answer == HandshakeAnswer.UnknownReplica)
        {
            LogMessages.HandshakeRefused(_logger, LogLevel.Debug, header?.From.Value ?? "?", header?.Target ?? "?", HandshakeRefusedException.Explain(answer), 0);
        }
        else if (_refusalLines.TryPass(out var suppressed))
        {
            LogMessages.HandshakeRefused(_logger, LogLevel.Warning, header?.From.Value ?? "?", header?.Target ?? "?", HandshakeRefusedException.Explain(answer), suppressed);
        }
    }

    private void TellUnproven(HandshakeHeader header, bool isProven)
    {
        // Without a secret of its own, the node logs this once, at its start.
        if (!isProven && _handshake.HasSecret && _unprovenLines.TryPass(out var suppressed))
        {
            LogMessages.UnprovenAccepted(_logger, header.From.Value, suppressed);
        }
    }

    private HandshakeAnswer Judge(HandshakeHeader header)
    {
        if (header.ClusterId != _clusterId)
        {
            return HandshakeAnswer.OtherCluster;
        }

        if (header.To != _self)
        {
            return HandshakeAnswer.OtherNode;
        }

        if (!_room.HasRoomFor(header.From))
        {
            return HandshakeAnswer.TooManyConnections;
        }

        return header.Kind == ConnectionKind.Peer
            || (ReplicaEndPoint.TryParse(header.Target, out var node, out var key) && node == _self && _groups.ContainsKey(key))
            ? HandshakeAnswer.Accepted
            : HandshakeAnswer.UnknownReplica;
    }
}
