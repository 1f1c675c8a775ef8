using System.Net;
using System.Text;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using KvRaft.Node.Bodies;
using KvRaft.V1;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.Tests.Running;

/// <summary>Requests that have arrived in part hold memory for as long as their clients decide; the total of all of them is limited, and small requests are served at the same time.</summary>
public sealed class RequestBodyTests
{
    private const long BodyBytesMax = 16L << 20;

    [Fact]
    public async Task Parts_of_requests_are_bounded_for_all_clients_together_and_given_back()
    {
        await using var cluster = await RunningCluster.StartAsync(nodes: 1, shards: 1, static options => options with
        {
            Limits = new Limits { DiskReserveBytes = 0, BodyBytesInHandMax = BodyBytesMax },
        });
        var budget = cluster.Nodes[0]!.Service<BodyBudget>();

        using (var end = new CancellationTokenSource())
        {
            // Each is a message of 3 MiB whose last byte is not sent; more than two on a connection exceed its share.
            var clients = Enumerable.Range(0, 8).Select(_ => new HttpClient(new SocketsHttpHandler { UseProxy = false })).ToArray();
            var calls = clients.Select(client => SendPartAsync(client, cluster.Nodes[0]!.PublicEndPoint.ToString(), 3 << 20, end.Token)).ToArray();
            await EventuallyAsync(() => budget.Bytes > BodyBytesMax - (4 << 20));

            var refused = await Assert.ThrowsAsync<RpcException>(async () =>
            {
                while (true)
                {
                    // Until those in progress hold all of it.
                    await cluster.Kv(0).PutAsync(new PutRequest { Key = ByteString.CopyFromUtf8("large"), Value = ByteString.CopyFrom(new byte[1 << 20]) });
                    await Task.Delay(20);
                }
            });
            var info = refused.GetRpcStatus()!.GetDetail<ErrorInfo>()!;
            Assert.Equal((ErrorReasons.Overloaded, ErrorReasons.NotExecuted, BodyBudget.Setting), (info.Reason, info.Metadata[ErrorReasons.ExecutionKey], info.Metadata["setting"]));
            Assert.InRange(budget.Bytes, 1, BodyBytesMax + (BodyBytesMax >> 3));

            await cluster.Kv(0).PutAsync(new PutRequest { Key = ByteString.CopyFromUtf8("small"), Value = ByteString.CopyFromUtf8("v") });
            Assert.Equal("v", (await cluster.Kv(0).GetAsync(new GetRequest { Key = ByteString.CopyFromUtf8("small") })).Current.Value.ToStringUtf8());

            await end.CancelAsync();
            await Task.WhenAll(calls);
            Array.ForEach(clients, static client => client.Dispose());
        }

        await EventuallyAsync(() => budget.Bytes == 0);
    }

    [Fact]
    public async Task Bodies_of_json_are_counted_as_they_arrive()
    {
        await using var cluster = await RunningCluster.StartAsync(nodes: 1, shards: 1, static options => options with
        {
            HttpListen = new IPEndPoint(IPAddress.Loopback, 0),
            Limits = new Limits { DiskReserveBytes = 0, BodyBytesInHandMax = BodyBytesMax },
        });
        var budget = cluster.Nodes[0]!.Service<BodyBudget>();
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false });

        // As text and as a message it takes three times as many bytes as here.
        using var response = await client.PostAsync(
            $"http://{cluster.Nodes[0]!.HttpEndPoint}/v1/kv/put", new StringContent($"{{\"value\": \"{new string('A', 6 << 20)}\"}}", Encoding.UTF8, "application/json"));

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains(BodyBudget.Setting, await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        await EventuallyAsync(() => budget.Bytes == 0);
    }

    private static async Task SendPartAsync(HttpClient client, string endpoint, int bytes, CancellationToken until)
    {
        while (!until.IsCancellationRequested)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"http://{endpoint}/kvraft.v1.Kv/Put")
            {
                Version = HttpVersion.Version20,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                Content = new PartOfMessage(bytes, until),
            };
            request.Content.Headers.ContentType = new("application/grpc");
            request.Headers.Add("TE", "trailers");
            try
            {
                using var response = await client.SendAsync(request, HttpCompletionOption.ResponseContentRead, until);
            }
            catch (Exception error) when (error is HttpRequestException or OperationCanceledException or IOException)
            {
                // Ended by the node, which needed the memory, or by this test.
            }
        }
    }

    private static async Task EventuallyAsync(Func<bool> holds)
    {
        using var limit = new CancellationTokenSource(RunningCluster.Patience);
        while (!holds())
        {
            await Task.Delay(20, limit.Token);
        }
    }

    /// <summary>A message of gRPC without its last byte.</summary>
    private sealed class PartOfMessage(int bytes, CancellationToken until) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            byte[] prefix = [0, .. BitConverter.GetBytes(bytes).Reverse()];
            await stream.WriteAsync(prefix, until);
            await stream.WriteAsync(new byte[bytes - 1], until);
            await stream.FlushAsync(until);
            await Task.Delay(Timeout.Infinite, until);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
