using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using KvRaft.Raft.Clocks;
using KvRaft.Raft.Groups;
using KvRaft.Raft.Options;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Tests.Transport;
using KvRaft.Raft.Transport;
using KvRaft.Topology;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvRaft.Raft.Tests.Peers;

public sealed class NodeWatchTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly Guid ClusterId = Guid.NewGuid();
    private static readonly NodeId Self = new("n1");
    private static readonly NodeId Other = new("n2");

    [Fact]
    public async Task A_closed_listener_is_an_ended_process_and_is_reported_once()
    {
        var told = new SemaphoreSlim(0);
        IPEndPoint address = new(IPAddress.Loopback, 0);
        await using var watch = Watch(() => address);
        watch.Gone += node =>
        {
            Assert.Equal(Other, node);
            told.Release();
        };
        for (var death = 0; death < 2; death++)
        {
            var connected = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var listener = Listen(address, connected);
            address = listener.LocalEndPoint;
            watch.Follow(Other);
            await connected.Task.WaitAsync(Patience);
            Assert.Equal(0, told.CurrentCount);
            await listener.DisposeAsync();
            Assert.True(await told.WaitAsync(Patience));
        }

        Assert.Equal(0, told.CurrentCount);
    }

    [Fact]
    public async Task A_process_that_never_existed_is_not_reported_as_gone()
    {
        // A port without a listener: bound, so that no other process can take it.
        using var bound = new Socket(SocketType.Stream, ProtocolType.Tcp);
        bound.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var resolved = new SemaphoreSlim(0);
        await using var watch = Watch(() =>
        {
            resolved.Release();
            return (IPEndPoint)bound.LocalEndPoint!;
        });
        watch.Gone += _ => Assert.Fail("It was never there.");
        watch.Follow(Other);

        // The second try begins after the first one was judged.
        Assert.True(await resolved.WaitAsync(Patience));
        Assert.True(await resolved.WaitAsync(Patience));
    }

    [Fact]
    public async Task A_connection_that_ends_while_the_process_listens_is_replaced_without_a_report()
    {
        IPEndPoint address = new(IPAddress.Loopback, 0);
        var connections = new SemaphoreSlim(0);
        await using var listener = Wires.Listen(
            ClusterId,
            Other,
            address,
            (_, _) =>
            {
                connections.Release();
                return Task.CompletedTask;
            });
        await using var watch = Watch(() => listener.LocalEndPoint);
        watch.Gone += _ => Assert.Fail("It listens.");
        watch.Follow(Other);
        for (var times = 0; times < 2; times++)
        {
            Assert.True(await connections.WaitAsync(Patience));
        }
    }

    [Fact]
    public async Task A_connection_that_is_never_accepted_is_checked_again_at_once()
    {
        // While a process is being killed, the kernel still accepts connections for a moment. After such a connection, a second used to pass, and
        // the group stayed without a leader for as long.
        var time = new HastyTime();
        var told = new TaskCompletionSource<TimeSpan[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        var connected = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var alive = Listen(new IPEndPoint(IPAddress.Loopback, 0), connected);
        using var dying = new Socket(SocketType.Stream, ProtocolType.Tcp);
        dying.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        dying.Listen();
        using var dead = new Socket(SocketType.Stream, ProtocolType.Tcp);
        dead.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var address = alive.LocalEndPoint;
        await using var watch = new NodeWatch(
            Wires.Dial(ClusterId, Self, _ => address), new RaftTimings { ConnectTimeout = Patience }, time, NullLogger.Instance, Wires.Background);
        watch.Gone += _ => told.TrySetResult([.. time.Pauses]);
        watch.Follow(Other);
        await connected.Task.WaitAsync(Patience);

        address = (IPEndPoint)dying.LocalEndPoint!;
        await alive.DisposeAsync();
        using (var taken = await dying.AcceptAsync().WaitAsync(Patience))
        {
            address = (IPEndPoint)dead.LocalEndPoint!;
        }

        Assert.Equal([TimeSpan.FromMilliseconds(10)], await told.Task.WaitAsync(Patience));
    }

    [Fact]
    public async Task A_node_that_owes_too_many_answers_counts_as_silent_until_it_answers_and_never_as_gone()
    {
        var timings = new RaftTimings();
        var (connections, silences) = (new SemaphoreSlim(0), 0);
        var heard = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var answers = false;
        await using var listener = Wires.Listen(
            ClusterId,
            Other,
            new IPEndPoint(IPAddress.Loopback, 0),
            async (socket, stopping) =>
            {
                connections.Release();
                var question = new byte[256];
                while (await socket.ReceiveAsync(question, stopping) > 0)
                {
                    if (Volatile.Read(ref answers))
                    {
                        // As a build that does not support the request.
                        await socket.SendAsync(PeerFrame.Encode((byte)PeerAnswerKind.Refused, "request 11 is not known here"u8), stopping);
                    }
                }
            });
        await using var watch = Watch(() => listener.LocalEndPoint);
        watch.Gone += _ => Assert.Fail("It listens.");
        watch.Silent += _ => silences++;
        watch.Heard += _ => heard.SetResult();
        watch.Follow(Other);
        Assert.True(await connections.WaitAsync(Patience));
        for (var heartbeats = 0; !watch.IsSilent(Other); heartbeats++)
        {
            Assert.Equal(0, silences);
            watch.OnHeartbeat();
            Assert.True(heartbeats >= timings.HeartbeatsOfSilence || !watch.IsSilent(Other));
        }

        // The node is not given up permanently: another connection is tried, on which it may answer.
        Volatile.Write(ref answers, true);
        while (!heard.Task.IsCompleted)
        {
            watch.OnHeartbeat();
            await Task.WhenAny(heard.Task, Task.Delay(timings.HeartbeatInterval));
        }

        Assert.False(watch.IsSilent(Other));
        Assert.False(watch.IsPatient(Other));
        Assert.Equal(1, silences);
    }

    [Fact]
    public async Task Its_queries_are_answered_by_a_node_without_any_group()
    {
        var heard = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var server = new PeerServer(
            static group =>
            {
                Assert.Fail($"A sign of life is asked of no group, and not of {group}.");
                return null;
            },
            new ClusterClock(Other, TimeProvider.System, NullLogger.Instance),
            TimeProvider.System,
            NullLogger.Instance);
        IPEndPoint address = new(IPAddress.Loopback, 0);
        using var nobody = new Socket(SocketType.Stream, ProtocolType.Tcp);
        nobody.Bind(address);
        address = (IPEndPoint)nobody.LocalEndPoint!;
        await using var watch = Watch(() => address);
        watch.Heard += _ => heard.SetResult();
        watch.Follow(Other);
        for (var owed = 0; owed <= new RaftTimings().HeartbeatsOfSilence; owed++)
        {
            watch.OnHeartbeat();
        }

        Assert.True(watch.IsSilent(Other));
        await using var listener = Wires.Listen(ClusterId, Other, new IPEndPoint(IPAddress.Loopback, 0), (socket, stopping) => server.ServeAsync(socket, Self, stopping));
        address = listener.LocalEndPoint;
        await heard.Task.WaitAsync(Patience);
        Assert.True(watch.IsPatient(Other));
    }

    private static NodeListener Listen(IPEndPoint address, TaskCompletionSource connected) => Wires.Listen(
        ClusterId,
        Other,
        address,
        async (_, stopping) =>
        {
            connected.TrySetResult();
            await Task.Delay(Timeout.Infinite, stopping);
        });

    private static NodeWatch Watch(Func<IPEndPoint> address) => new(
        Wires.Dial(ClusterId, Self, _ => address()), new RaftTimings(), TimeProvider.System, NullLogger.Instance, Wires.Background);

    /// <summary>Every read of the clock returns two seconds more, and every pause ends at once; its requested length is recorded.</summary>
    private sealed class HastyTime : TimeProvider
    {
        private long _now;

        public ConcurrentQueue<TimeSpan> Pauses { get; } = new();

        public override long GetTimestamp() => Interlocked.Add(ref _now, 2 * TimestampFrequency);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            if (dueTime != Timeout.InfiniteTimeSpan)
            {
                Pauses.Enqueue(dueTime);
            }

            return System.CreateTimer(callback, state, dueTime == Timeout.InfiniteTimeSpan ? dueTime : TimeSpan.Zero, period);
        }
    }
}
