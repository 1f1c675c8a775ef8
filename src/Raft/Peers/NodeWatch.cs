using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net.Sockets;
using KvRaft.Raft.Background;
using KvRaft.Raft.Clocks;
using KvRaft.Raft.Options;
using KvRaft.Raft.Telemetry;
using KvRaft.Raft.Transport;
using KvRaft.Topology;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Peers;

/// <summary>
/// Detects that another node is down, once for all groups that have replicas there. It keeps one connection to each watched node and sends a
/// ping in every heartbeat interval.
/// <list type="bullet">
/// <item>The connection ends and the node's address refuses a new one: the machine runs and the process does not. This is proof, available within
/// milliseconds.</item>
/// <item>The node is silent while <see cref="RaftTimings.HeartbeatsOfSilence"/> pings remain unanswered: a pause, a partition, a dead machine, or a fault of this node. This proves
/// nothing; before a node acts on it, it queries other nodes. Pings are counted, not time: a node that was paused itself did not wait for any answer.</item>
/// </list>
/// Each answer also contains a reading of the other node's clocks (<see cref="Readings"/>).
/// Thread-safe.
/// </summary>
internal sealed class NodeWatch(
    NodeDialer dialer, RaftTimings timings, TimeProvider time, ILogger logger, BackgroundTasks background, Func<double>? monotonic = null) : IAsyncDisposable
{
    private readonly long _begun = time.GetTimestamp();

    /// <summary>
    /// The interval between two attempts to connect to a node that is down or drops connections: once a second is cheap for both sides, and a second after its start a
    /// node is unlikely to be a leader.
    /// </summary>
    private static readonly TimeSpan Pace = TimeSpan.FromSeconds(1);

    /// <summary>
    /// A process that is being killed may still accept a connection and end it at once, or leave it without an answer, since the kernel
    /// accepts connections on its behalf. The next attempt follows after this time, then after twice as long, up to <see cref="Pace"/>.
    /// </summary>
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(10);

    private static readonly byte[] Ping = PeerFrame.Encode((byte)PeerRequestKind.Ping, []);

    private readonly ConcurrentDictionary<NodeId, Watched> _followed = new();
    private readonly CancellationTokenSource _stopping = new();

    // The history of answers uses the same clock as the later comparison.
    private double Monotonic => monotonic?.Invoke() ?? time.GetElapsedTime(_begun).TotalMilliseconds;

    /// <summary>Raised once per death of a process that was connected. The node counts as silent already. Must be quick.</summary>
    public event Action<NodeId>? Gone;

    /// <summary>Raised when a node becomes silent without proof of its death. Must be quick.</summary>
    public event Action<NodeId>? Silent;

    /// <summary>Raised when a silent node answers again. Must be quick.</summary>
    public event Action<NodeId>? Heard;

    /// <summary>Starts to watch a node, unless it is watched already.</summary>
    public void Follow(NodeId node)
    {
        if (!_stopping.IsCancellationRequested && !_followed.ContainsKey(node) && _followed.TryAdd(node, new Watched(node)))
        {
            var watched = _followed[node];
            watched.Following = background.StartLoop($"following node {node}", token => FollowAsync(watched, token), _stopping.Token);
        }
    }

    /// <summary>True if the node is watched and silent, or its process has ended.</summary>
    public bool IsSilent(NodeId node) => _followed.TryGetValue(node, out var watched) && watched.IsSilent;

    /// <summary>
    /// True if the node answers as a build that watches nodes itself. An older build misses a leader only after an election timeout of its group.
    /// </summary>
    public bool IsPatient(NodeId node) => _followed.TryGetValue(node, out var watched) && !watched.IsSilent && watched.IsPatient;

    /// <summary>True if a run of a node is connected, has answered on that connection, and has no more unanswered pings than a live node.</summary>
    public bool IsConnected(NodeId node, Guid run) => _followed.TryGetValue(node, out var watched) && watched.HeardRun == run && !watched.IsSilent;

    /// <summary>The clock readings of those nodes that answer, each with the most exact of its last answers.</summary>
    public IReadOnlyList<ClockReading> Readings(IEnumerable<NodeId> nodes) =>
    [
        .. nodes.Select(node => _followed.TryGetValue(node, out var watched) && !watched.IsSilent ? watched.Clock : null)
            .OfType<ClockReading>(),
    ];

    /// <summary>The node sent another message just now.</summary>
    public void Hear(NodeId node)
    {
        if (_followed.TryGetValue(node, out var watched))
        {
            Hear(watched);
        }
    }

    /// <summary>Sends one ping to every watched node, and evaluates those with too many unanswered pings. Called once per heartbeat interval.</summary>
    public void OnHeartbeat()
    {
        foreach (var watched in _followed.Values)
        {
            if (Interlocked.Increment(ref watched.Unanswered) <= timings.HeartbeatsOfSilence)
            {
                BeginAsking(watched.Connection);
            }
            else
            {
                // Whatever happens on this connection, a new one is as good, and shows whether a process listens.
                if (watched.TrySilence())
                {
                    LogMessages.NodeSilent(logger, watched.Node.Value);
                    Silent?.Invoke(watched.Node);
                }

                watched.Connection?.Socket.Dispose();
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_followed.Values.Select(static watched => watched.Following)).ConfigureAwait(false);
        _stopping.Dispose();
    }

    private void Hear(Watched watched)
    {
        Volatile.Write(ref watched.Unanswered, 0);
        if (watched.TryHear())
        {
            LogMessages.NodeHeard(logger, watched.Node.Value);
            Heard?.Invoke(watched.Node);
        }
    }

    private void BeginAsking(Link? connection)
    {
        if (connection is not null)
        {
            _ = background.GuardAsync("pinging a node", () => AskAsync(connection));
        }
    }

    private async Task AskAsync(Link connection)
    {
        try
        {
            // Answers come in the order of the pings.
            connection.Asked.Enqueue(Monotonic);

            // Nine bytes, of which only a few are in transit at a time: the kernel accepts them at once.
            await connection.Socket.SendAsync(Ping, SocketFlags.None).ConfigureAwait(false);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // The reader of the connection detects the end.
        }
    }

    private async Task FollowAsync(Watched watched, CancellationToken stoppingToken)
    {
        var wasThere = false;
        var pause = Pace;
        while (true)
        {
            var begun = time.GetTimestamp();
            var ending = await HoldAsync(watched).ConfigureAwait(false);
            if (ending == Ending.Refused && wasThere)
            {
                wasThere = false;
                _ = watched.TrySilence();
                LogMessages.NodeGone(logger, watched.Node.Value);
                Gone?.Invoke(watched.Node);
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

            await Task.Delay(pause, time, stoppingToken).ConfigureAwait(false);
            pause = pause < Pace / 2 ? 2 * pause : Pace;
        }
    }

    private async Task<Ending> HoldAsync(Watched watched)
    {
        try
        {
            using var socket = await ConnectAsync(watched.Node).ConfigureAwait(false);
            Volatile.Write(ref watched.Unanswered, 0);
            var run = dialer.Runs.Of(watched.Node)?.Id;
            var link = new Link(socket, new());
            watched.Connection = link;
            BeginAsking(link);
            await ReadToEndAsync(watched, link, run).ConfigureAwait(false);
            return Ending.Ended;
        }
        catch (IOException error) when (error.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionRefused })
        {
            return Ending.Refused;
        }
        catch (Exception error) when (PeerSurvey.IsPeerTroubleOrTimeout(error, _stopping.Token))
        {
            return Ending.Unreachable;
        }
        finally
        {
            watched.Connection = null;
            watched.SetHeardRun(null);
        }
    }

    private async Task<Socket> ConnectAsync(NodeId node)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        limit.CancelAfter(timings.ConnectTimeout);
        return await dialer.ConnectAsync(node, ConnectionKind.Peer, "", limit.Token).ConfigureAwait(false);
    }

    /// <summary>Every message is an answer to a ping; a node that does not support the ping refuses it, and is alive all the same.</summary>
    private async Task ReadToEndAsync(Watched watched, Link link, Guid? run)
    {
        using var stream = new NetworkStream(link.Socket, ownsSocket: false);
        try
        {
            while (true)
            {
                var (kind, body) = await PeerFrame.ReadAsync(stream, _stopping.Token).ConfigureAwait(false);
                watched.IsPatient = kind == (byte)PeerAnswerKind.Bytes;
                watched.SetHeardRun(run);
                if (run is { } known && watched.IsPatient && body.Length >= sizeof(long))
                {
                    dialer.Runs.Report(watched.Node, known, BinaryPrimitives.ReadInt64LittleEndian(body));
                }

                if (link.Asked.TryDequeue(out var asked) && kind == (byte)PeerAnswerKind.Bytes && PingFrame.Decode(watched.Node, body, asked, Monotonic) is { } reading)
                {
                    watched.Note(reading);
                }

                Hear(watched);
            }
        }
        catch (Exception error) when (error is IOException or SocketException or ObjectDisposedException or InvalidDataException)
        {
            // Closed, reset, abandoned by this node, or not a peer: all are an end of the connection.
        }
    }

    private sealed class Watched(NodeId node)
    {
        private int _silent;

        /// <summary>A late answer gives an inexact clock reading; one of the last few was quicker.</summary>
        private const int ReadingsKept = 4;

        private readonly Queue<ClockReading> _readings = new();

        /// <summary>Pings since its last answer.</summary>
        public int Unanswered;

        public ClockReading? Clock
        {
            get
            {
                lock (_readings)
                {
                    return _readings.Count == 0 ? null : _readings.MinBy(static reading => reading.Error);
                }
            }
        }

        public volatile Link? Connection;

        private volatile object? _heardRun;

        /// <summary>The run that answered on the present connection.</summary>
        public Guid? HeardRun => (Guid?)_heardRun;

        public void SetHeardRun(Guid? run) => _heardRun = run;

        public NodeId Node => node;

        public Task Following { get; set; } = Task.CompletedTask;

        public volatile bool IsPatient;

        public bool IsSilent => Volatile.Read(ref _silent) == 1;

        public void Note(ClockReading reading)
        {
            lock (_readings)
            {
                _readings.Enqueue(reading);
                if (_readings.Count > ReadingsKept)
                {
                    _readings.Dequeue();
                }
            }
        }

        /// <summary>True if it was not silent until now.</summary>
        public bool TrySilence() => Interlocked.Exchange(ref _silent, 1) == 0;

        /// <summary>True if it was silent until now.</summary>
        public bool TryHear() => IsSilent && Interlocked.Exchange(ref _silent, 0) == 1;
    }

    /// <summary>A connection, and the send times of its unanswered pings, by the monotonic clock.</summary>
    private sealed record Link(Socket Socket, ConcurrentQueue<double> Asked);

    private enum Ending
    {
        /// <summary>It was connected, and is no longer.</summary>
        Ended,

        /// <summary>The address answers, and no process listens there.</summary>
        Refused,

        /// <summary>The state is unknown.</summary>
        Unreachable,
    }
}
