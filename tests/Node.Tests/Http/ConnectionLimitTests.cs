using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Google.Protobuf;
using KvRaft.Node.Http;
using KvRaft.Node.Tests.Running;
using KvRaft.V1;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.Tests.Http;

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
    public void A_set_limit_is_used() =>
        Assert.Equal(new ConnectionLimits(7, 6, 99, 600), ConnectionLimits.Of(new Limits { ConnectionsMax = 7, RaftConnectionsMax = 99 }, 600));

    [Theory]
    [InlineData(16, 0, 16, 14)]
    [InlineData(4, 0, 4, 3)]
    [InlineData(4096, 0, 4096, 3584)]
    [InlineData(8, 8, 8, 8)]
    [InlineData(8, 2, 8, 2)]
    [InlineData(8, 100, 8, 8)]
    public void One_address_leaves_room_for_others_unless_it_is_set(int max, int perAddress, int @public, int ofOne)
    {
        var found = ConnectionLimits.Of(new Limits { ConnectionsMax = max, ConnectionsPerAddressMax = perAddress }, 600);
        Assert.Equal((@public, ofOne), (found.PublicMax, found.PerAddressMax));
    }

    [Theory]
    [InlineData("10.1.2.3", "10.1.2.3")]
    [InlineData("::ffff:10.1.2.3", "10.1.2.3")]
    [InlineData("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::")]
    public void A_party_is_an_address_or_a_network_of_a_host(string remote, string party) =>
        Assert.Equal(IPAddress.Parse(party), ClientConnection.AddressOf(new IPEndPoint(IPAddress.Parse(remote), 4711)));

    [Fact]
    public async Task An_address_whose_connections_are_all_busy_leaves_room_for_another()
    {
        await using var cluster = await RunningCluster.StartAsync(
            1, shards: 2,
            change: static options => options with { Limits = options.Limits with { ConnectionsMax = 12, ConnectionsPerAddressMax = 6 } });
        var (node, port) = (cluster.Nodes[0]!, cluster.Nodes[0]!.PublicEndPoint.Port);
        var connections = node.Service<ClientConnections>();
        var channels = new List<Grpc.Net.Client.GrpcChannel>();
        try
        {
            // Busy connections of one address, as many as it may have: each has a call in progress.
            async Task<bool> TryOpenAsync()
            {
                var channel = Grpc.Net.Client.GrpcChannel.ForAddress($"http://127.0.0.1:{port}", new Grpc.Net.Client.GrpcChannelOptions { HttpHandler = From("127.0.0.1"), DisposeHttpClient = true });
                channels.Add(channel);
                try
                {
                    await EchoAsync(new Kv.KvClient(channel).Pipe(), channels.Count);
                    return true;
                }
                catch (Exception fault) when (fault is Grpc.Core.RpcException or IOException)
                {
                    // The node resets the connection: gRPC reports the end of the call, or the write that meets the reset.
                    return false;
                }
            }

            for (var i = 0; i < 6; i++)
            {
                // The kit's own connections are of this address too, and idle.
                Assert.True(await TryOpenAsync());
            }

            Assert.False(await TryOpenAsync());
            Assert.InRange(connections.Refused, 1, long.MaxValue);

            using var other = Grpc.Net.Client.GrpcChannel.ForAddress($"http://127.0.0.1:{port}", new Grpc.Net.Client.GrpcChannelOptions { HttpHandler = From("127.0.0.2"), DisposeHttpClient = true });
            await new Kv.KvClient(other).PutAsync(
                new PutRequest { Key = ByteString.CopyFromUtf8("k"), Value = ByteString.CopyFromUtf8("v") }, deadline: DateTime.UtcNow.AddSeconds(30));
        }
        finally
        {
            channels.ForEach(static channel => channel.Dispose());
        }
    }

    /// <summary>Connects from an address of this machine.</summary>
    private static SocketsHttpHandler From(string address) => new()
    {
        ConnectCallback = async (context, cancellationToken) =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            socket.Bind(new IPEndPoint(IPAddress.Parse(address), 0));
            await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        },
    };

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
    public async Task A_silent_connection_is_closed_after_the_idle_time()
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
                // The server's own first frames, and its GOAWAY.
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
