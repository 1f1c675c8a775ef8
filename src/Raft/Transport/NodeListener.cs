using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using KvRaft.Raft.Log;
using KvRaft.Raft.Runs;
using KvRaft.Topology;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Transport;

/// <summary>
/// The one listening socket of a node for its peers. It reads each connection's preface, refuses what is not meant for this
/// node, and hands the rest to the replica (Raft) or the peer service it names. Thread-safe.
/// </summary>
internal sealed class NodeListener : IAsyncDisposable
{
    /// <summary>A preface is a few dozen bytes sent at once; whoever has not sent it in 5 s is not a peer.</summary>
    private static readonly TimeSpan PrefaceTimeout = TimeSpan.FromSeconds(5);

    private readonly Guid _clusterId;
    private readonly NodeId _self;
    private readonly Func<Socket, CancellationToken, Task> _servePeer;
    private readonly ILogger _logger;
    private readonly Socket _socket;
    private readonly ConcurrentDictionary<ReplicaKey, GroupListener> _groups = new();
    private readonly ConcurrentDictionary<Task, byte> _connections = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _accepting;

    /// <exception cref="IOException">The address cannot be listened on; the message says why.</exception>
    public NodeListener(Guid clusterId, NodeId self, IPEndPoint listen, Func<Socket, CancellationToken, Task> servePeer, ILogger logger)
    {
        _clusterId = clusterId;
        _self = self;
        _servePeer = servePeer;
        _logger = logger;
        _socket = Listen(listen);
        LocalEndPoint = (IPEndPoint)_socket.LocalEndPoint!;
        _accepting = Task.Run(AcceptAsync);
    }

    /// <summary>Where it listens; the port is the real one when 0 was asked for.</summary>
    public IPEndPoint LocalEndPoint { get; }

    /// <summary>What is known of the others' runs.</summary>
    public RunBook Runs { get; init; } = RunBook.InMemory();

    public GroupListener Register(ReplicaKey key, EndPoint identity)
    {
        var listener = new GroupListener(identity, () => _groups.TryRemove(key, out _));
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
            // .NET already lets a restarted node bind while old connections are in TIME_WAIT; asking for ReuseAddress would
            // also set SO_REUSEPORT on Linux, and two nodes could listen on one port without either noticing.
            socket.Bind(listen);

            // Every group of every peer connects at start: hundreds at a time are ordinary.
            socket.Listen(1024);
            return socket;
        }
        catch (SocketException error)
        {
            socket.Dispose();
            throw new IOException($"Cannot listen for peers on {listen}: {error.Message}.", error);
        }
    }

    private async Task AcceptAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            Socket accepted;
            try
            {
                accepted = await _socket.AcceptAsync(_stopping.Token).ConfigureAwait(false);
            }
            catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException error)
            {
                LogMessages.AcceptFailed(_logger, error);
                continue;
            }

            accepted.NoDelay = true;
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
            if (await GreetAsync(socket).ConfigureAwait(false) is not { } preface || !await IntroduceAsync(socket, preface).ConfigureAwait(false))
            {
                socket.Dispose();
            }
            else if (preface.Kind == ConnectionKind.Peer)
            {
                using (socket)
                {
                    await _servePeer(socket, _stopping.Token).ConfigureAwait(false);
                }
            }
            else if (!ReplicaEndPoint.TryParse(preface.Target, out _, out var key)
                || !_groups.TryGetValue(key, out var group)
                || !group.TryHandOver(socket))
            {
                socket.Dispose();
            }
        }
        catch (Exception error) when (error is IOException or InvalidDataException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The peer went away, or we are stopping: a connection's end is not an event.
            LogMessages.ConnectionEnded(_logger, error.Message);
            socket.Dispose();
        }
    }

    private async Task<Preface?> GreetAsync(Socket socket)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        timeout.CancelAfter(PrefaceTimeout);
        using var stream = new NetworkStream(socket, ownsSocket: false);
        var (preface, answer) = await Preface.ReadAsync(stream, timeout.Token).ConfigureAwait(false);
        if (preface is not null)
        {
            answer = Judge(preface);
        }

        await stream.WriteAsync(Preface.EncodeAnswer(answer), timeout.Token).ConfigureAwait(false);
        if (answer == PrefaceAnswer.Accepted)
        {
            return preface;
        }

        // Peers ask for replicas that are not open yet, or no longer, hundreds of times while a node starts and stops.
        var level = answer == PrefaceAnswer.UnknownReplica ? LogLevel.Debug : LogLevel.Warning;
        LogMessages.PrefaceRefused(_logger, level, preface?.From.Value ?? "?", preface?.Target ?? "?", answer);
        return null;
    }

    /// <summary>True if the connecting node's run may take part.</summary>
    private async Task<bool> IntroduceAsync(Socket socket, Preface preface)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        timeout.CancelAfter(PrefaceTimeout);
        using var stream = new NetworkStream(socket, ownsSocket: false);
        return await RunExchange.AcceptAsync(stream, Runs, preface.From, timeout.Token).ConfigureAwait(false) is { } run && Runs.TryHold(preface.From, run, socket);
    }

    private PrefaceAnswer Judge(Preface preface)
    {
        if (preface.ClusterId != _clusterId)
        {
            return PrefaceAnswer.OtherCluster;
        }

        if (preface.To != _self)
        {
            return PrefaceAnswer.OtherNode;
        }

        return preface.Kind == ConnectionKind.Peer
            || (ReplicaEndPoint.TryParse(preface.Target, out var node, out var key) && node == _self && _groups.ContainsKey(key))
            ? PrefaceAnswer.Accepted
            : PrefaceAnswer.UnknownReplica;
    }
}
