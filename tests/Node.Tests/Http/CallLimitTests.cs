using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using Grpc.Net.Client;
using KvRaft.Node.Http;
using KvRaft.Node.Tests.Running;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Http;

/// <summary>
/// Idle streams were counted by nothing: two hundred connections with a thousand watchers of routes each ended a node with 1.25 GiB for lack of memory.
/// </summary>
public sealed class CallLimitTests
{
    [Theory]
    [InlineData(1, 1, 64, true)]
    [InlineData(64, 64, 64, true)]
    [InlineData(65, 5, 64, false)]
    [InlineData(65, 4, 64, true)]
    [InlineData(80, 1, 64, true)]
    [InlineData(81, 1, 64, false)]
    [InlineData(2, 1, 1, true)]
    [InlineData(3, 1, 1, false)]
    public void Connections_with_few_calls_have_a_reserve(int all, int own, int max, bool admitted) => Assert.Equal(admitted, CallLimit.Admits(all, own, max));

    [Fact]
    public async Task Idle_streams_of_one_connection_are_limited_and_leave_room_for_others()
    {
        const int max = 64;
        await using var cluster = await RunningCluster.StartAsync(1, shards: 2, change: static options => options with { Limits = options.Limits with { CallsInProgressMax = max } });
        var node = cluster.Nodes[0]!;
        var routing = new V1.Routing.RoutingClient(cluster.Channel(0));
        var watchers = new List<AsyncServerStreamingCall<RouteUpdate>>();
        RpcException? refused = null;
        while (refused is null && watchers.Count <= 2 * max)
        {
            var watcher = routing.WatchRoutes(new WatchRoutesRequest());
            watchers.Add(watcher);
            try
            {
                Assert.True(await watcher.ResponseStream.MoveNext(TestContext.Current.CancellationToken));
            }
            catch (RpcException full)
            {
                refused = full;
            }
        }

        Assert.InRange(watchers.Count, max / 2, max + 1);
        Assert.NotNull(refused);
        var info = refused.GetRpcStatus()!.GetDetail<ErrorInfo>()!;
        Assert.Equal((StatusCode.ResourceExhausted, ErrorReasons.Overloaded), (refused.StatusCode, info.Reason));
        Assert.Equal((ErrorReasons.NotExecuted, "limits.callsInProgressMax", $"{max}"), (info.Metadata[ErrorReasons.ExecutionKey], info.Metadata["setting"], info.Metadata["limit"]));
        using var other = GrpcChannel.ForAddress($"http://127.0.0.1:{node.PublicEndPoint.Port}", new GrpcChannelOptions { HttpHandler = new SocketsHttpHandler(), DisposeHttpClient = true });
        await new Kv.KvClient(other).PutAsync(new PutRequest { Key = ByteString.CopyFromUtf8("k"), Value = ByteString.CopyFromUtf8("v") });

        watchers.ForEach(static watcher => watcher.Dispose());
        var limit = node.Service<CallLimit>();
        while (limit.Calls >= max / 2)
        {
            // The resets of the streams are on their way to the node.
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        Assert.True((await cluster.Kv(0).GetAsync(new GetRequest { Key = ByteString.CopyFromUtf8("k") })).Found);
    }
}
