using System.Buffers.Binary;
using System.Net;
using Google.Protobuf;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Running;

/// <summary>
/// An error is a gRPC answer that consists of its status alone: one frame of headers, which ends the stream. The .NET client finds a status in other places too; clients of other languages
/// do not, and reported an unknown error without a reason.
/// </summary>
public sealed class ErrorStatusTests(SingleNode node) : IClassFixture<SingleNode>
{
    private static readonly ByteString TooLong = ByteString.CopyFrom(new byte[5000]);

    public static TheoryData<string, byte[]> Calls => new()
    {
        { "Get", new GetRequest { Key = TooLong }.ToByteArray() },
        { "Put", new PutRequest { Key = TooLong }.ToByteArray() },
        { "Txn", new TxnRequest { Success = { new TxnOperation { Get = new() { Key = TooLong } } } }.ToByteArray() },
        { "Scan", new ScanRequest { Header = new() { Keyspace = "there is none" } }.ToByteArray() },
    };

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task An_error_has_its_status_in_the_headers_that_end_the_stream(string method, byte[] request)
    {
        using var http = new HttpClient();
        var frame = new byte[5 + request.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), request.Length);
        request.CopyTo(frame, 5);
        using var message = new HttpRequestMessage(HttpMethod.Post, $"http://{node.Cluster.Nodes[0]!.PublicEndPoint}/kvraft.v1.Kv/{method}")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(frame),
        };
        message.Content.Headers.ContentType = new("application/grpc");
        message.Headers.TE.Add(new("trailers"));
        using var response = await http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead).WaitAsync(RunningCluster.Patience);
        Assert.True(response.Headers.TryGetValues("grpc-status", out var status), $"no status in: {response.Headers}");
        Assert.NotEqual("0", Assert.Single(status));
        Assert.True(response.Headers.Contains("grpc-status-details-bin"));
        Assert.Empty(await response.Content.ReadAsByteArrayAsync());
    }
}
