using System.Collections.Concurrent;
using System.Net.Sockets;
using KvRaft.Raft.Catchup;
using KvRaft.Raft.Transport;
using KvRaft.Topology;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Peers;

/// <summary>
/// Notices within milliseconds that another node's process is gone. It keeps one idle connection to each node it follows; when that ends
/// and the node's address refuses a new one, the machine is there and the process is not. Silence proves nothing here (a pause, a
/// partition, a dead machine): that is left to the election timeout. Thread-safe.
/// </summary>
internal sealed class NodeWatch(NodeDialer dialer, RaftTimings timings, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    // A machine that vanished leaves a connection that never ends. Asking after 5 s of silence, and giving up after 3 s more, makes room
    // for a new one well before its node is of interest again; on a connection without traffic it costs nothing worth naming.
    private const int KeepAliveAfterSeconds = 5;
    private const int KeepAliveEverySeconds = 1;
    private const int KeepAliveTries = 3;

    /// <summary>
    /// Between two tries at a node that is not there, or does not stay: once a second is nothing to either, and a second after its start a
    /// node has hardly become a leader.
    /// </summary>
    private static readonly TimeSpan Pace = TimeSpan.FromSeconds(1);

    /// <summary>
    /// A process that is being killed may still take a connection and end it at once, or leave it with nobody to greet it, since the kernel
    /// takes connections on its behalf; it is asked again after this long, then after twice as long, up to <see cref="Pace"/>.
    /// </summary>
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(10);

    private readonly ConcurrentDictionary<NodeId, Task> _followed = new();
    private readonly CancellationTokenSource _stopping = new();

    /// <summary>Raised once per death of a process that was connected. Must be quick.</summary>
    public event Action<NodeId>? Gone;

    /// <summary>Begins to follow a node, unless it is followed already.</summary>
    public void Follow(NodeId node)
    {
        if (!_stopping.IsCancellationRequested && !_followed.ContainsKey(node))
        {
            _ = _followed.GetOrAdd(node, static (each, self) => Task.Run(() => self.FollowAsync(each)), this);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_followed.Values).ConfigureAwait(false);
        _stopping.Dispose();
    }

    private async Task FollowAsync(NodeId node)
    {
        var wasThere = false;
        var pause = Pace;
        try
        {
            while (true)
            {
                var begun = time.GetTimestamp();
                var ending = await HoldAsync(node).ConfigureAwait(false);
                if (ending == Ending.Refused && wasThere)
                {
                    wasThere = false;
                    LogMessages.NodeGone(logger, node.Value);
                    Gone?.Invoke(node);
                    pause = Pace;
                }
                else if (ending == Ending.Ended)
                {
                    wasThere = true;
                    if (time.GetElapsedTime(begun) >= Pace)
                    {
                        pause = FirstPause;
                        continue;
                    }
                }

                await Task.Delay(pause, time, _stopping.Token).ConfigureAwait(false);
                pause = pause < Pace / 2 ? 2 * pause : Pace;
            }
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // Stopping.
        }
    }

    private async Task<Ending> HoldAsync(NodeId node)
    {
        try
        {
            using var socket = await ConnectAsync(node).ConfigureAwait(false);
            await ReadToEndAsync(socket).ConfigureAwait(false);
            return Ending.Ended;
        }
        catch (IOException error) when (error.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionRefused })
        {
            return Ending.Refused;
        }
        catch (Exception error) when (error is ObjectDisposedException || PeerSurvey.IsPeerTroubleOrTimeout(error, _stopping.Token))
        {
            return Ending.Unreachable;
        }
    }

    private async Task<Socket> ConnectAsync(NodeId node)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        limit.CancelAfter(timings.ConnectTimeout);
        var socket = await dialer.ConnectAsync(node, ConnectionKind.Peer, "", limit.Token).ConfigureAwait(false);
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, KeepAliveAfterSeconds);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, KeepAliveEverySeconds);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, KeepAliveTries);
        return socket;
    }

    /// <summary>Nobody sends anything: what is read is the end, in order or by a reset.</summary>
    private async Task ReadToEndAsync(Socket socket)
    {
        var nothing = new byte[1];
        try
        {
            while (await socket.ReceiveAsync(nothing, _stopping.Token).ConfigureAwait(false) > 0)
            {
            }
        }
        catch (SocketException)
        {
            // Reset: as much an end as the other.
        }
    }

    private enum Ending
    {
        /// <summary>It was connected, and is no longer.</summary>
        Ended,

        /// <summary>Its address answers, and nobody listens there.</summary>
        Refused,

        /// <summary>Nothing is known.</summary>
        Unreachable,
    }
}
