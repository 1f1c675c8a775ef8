using System.Collections.Concurrent;
using System.Net.Sockets;
using Google.Protobuf;
using KvRaft.Node.Connections;
using KvRaft.Node.Options;
using KvRaft.Node.Tests.Running;
using KvRaft.V1;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.Tests.Connections;

public sealed class ConnectionLimitTests
{
    [Theory]
    [InlineData(600, 150, 150)]
    [InlineData(1024, 256, 256)]
    [InlineData(1_048_576, 4096, 4096)]
    [InlineData(long.MaxValue, 4096, 4096)]
    [InlineData(20, 16, 16)]
    public void Connections_are_a_part_of_the_descriptors(long descriptors, int @public, int raft) =>
        Assert.Equal((@public, raft), (ConnectionLimits.Of(new Limits(), descriptors).PublicMax, ConnectionLimits.Of(new Limits(), descriptors).RaftMax));

    [Fact]
    public void What_is_set_holds() =>
        Assert.Equal(new ConnectionLimits(7, 99, 600), ConnectionLimits.Of(new Limits { ConnectionsMax = 7, RaftConnectionsMax = 99 }, 600));

    [Fact]
    public async Task Idle_connections_make_room_for_a_client_and_busy_ones_stay()
    {
        await using var cluster = await RunningCluster.StartAsync(1, shards: 2, change: static options => options with { Limits = options.Limits with { ConnectionsMax = 8 } });
        var node = cluster.Nodes[0]!;
        using var busy = cluster.Kv(0).Pipe();
        await EchoAsync(busy, 1);
        var idle = new ConcurrentBag<Socket>();
        try
        {
            for (var i = 0; i < 60; i++)
            {
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(node.PublicEndPoint, TestContext.Current.CancellationToken);
                idle.Add(socket);
            }

            // A client that comes last.
            using var channel = Grpc.Net.Client.GrpcChannel.ForAddress($"http://{node.PublicEndPoint}");
            await new Kv.KvClient(channel).PutAsync(
                new PutRequest { Key = ByteString.CopyFromUtf8("k"), Value = ByteString.CopyFromUtf8("v") }, deadline: DateTime.UtcNow.AddSeconds(30));
            await EchoAsync(busy, 2);
            Assert.InRange(node.Service<ClientConnections>().Count, 2, 12);
        }
        finally
        {
            foreach (var socket in idle)
            {
                socket.Dispose();
            }
        }
    }

    [Fact]
    public async Task A_connection_that_says_nothing_is_closed_after_the_idle_time()
    {
        await using var cluster = await RunningCluster.StartAsync(
            1, shards: 2, change: static options => options with { Timings = options.Timings with { ConnectionIdle = TimeSpan.FromSeconds(1) } });
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(cluster.Nodes[0]!.PublicEndPoint, TestContext.Current.CancellationToken);
        var buffer = new byte[1024];
        using var limit = new CancellationTokenSource(RunningCluster.Patience);
        try
        {
            while (await socket.ReceiveAsync(buffer, limit.Token) > 0)
            {
                // The server's own first frames, and its farewell.
            }
        }
        catch (SocketException)
        {
            // Closed with a reset, which is as good.
        }
    }

    private static async Task EchoAsync(Grpc.Core.AsyncDuplexStreamingCall<PipeRequest, PipeResponse> pipe, long id)
    {
        await pipe.RequestStream.WriteAsync(new PipeRequest { Calls = { new PipeCall { CorrelationId = id, Get = new GetRequest { Key = ByteString.CopyFromUtf8("k") } } } });
        using var limit = new CancellationTokenSource(RunningCluster.Patience);
        Assert.True(await pipe.ResponseStream.MoveNext(limit.Token));
        Assert.Equal(id, Assert.Single(pipe.ResponseStream.Current.Answers).CorrelationId);
    }
}
