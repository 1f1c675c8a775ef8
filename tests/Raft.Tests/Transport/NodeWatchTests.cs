using System.Net;
using System.Net.Sockets;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Transport;
using KvRaft.Topology;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvRaft.Raft.Tests.Transport;

public sealed class NodeWatchTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly Guid ClusterId = Guid.NewGuid();
    private static readonly NodeId Self = new("n1");
    private static readonly NodeId Other = new("n2");

    [Fact]
    public async Task A_listener_that_closes_is_a_process_that_is_gone_and_is_told_once_per_death()
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
    public async Task A_process_that_was_never_there_is_not_gone()
    {
        // A port that nobody listens on: bound, so that nobody else can take it.
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
    public async Task A_connection_that_ends_while_the_process_listens_is_made_anew_without_a_word()
    {
        IPEndPoint address = new(IPAddress.Loopback, 0);
        var connections = new SemaphoreSlim(0);
        await using var listener = new NodeListener(
            ClusterId,
            Other,
            address,
            (_, _) =>
            {
                connections.Release();
                return Task.CompletedTask;
            },
            NullLogger.Instance);
        await using var watch = Watch(() => listener.LocalEndPoint);
        watch.Gone += _ => Assert.Fail("It listens.");
        watch.Follow(Other);
        for (var times = 0; times < 2; times++)
        {
            Assert.True(await connections.WaitAsync(Patience));
        }
    }

    private static NodeListener Listen(IPEndPoint address, TaskCompletionSource connected) => new(
        ClusterId,
        Other,
        address,
        async (_, stopping) =>
        {
            connected.TrySetResult();
            await Task.Delay(Timeout.Infinite, stopping);
        },
        NullLogger.Instance);

    private static NodeWatch Watch(Func<IPEndPoint> address) => new(
        new NodeDialer(ClusterId, Self, _ => address()), new RaftTimings(), TimeProvider.System, NullLogger.Instance);
}
