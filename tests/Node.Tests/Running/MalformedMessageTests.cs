using System.Buffers.Binary;
using System.IO.Compression;
using System.Net;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Running;

/// <summary>
/// Bytes that are no message of the call. gRPC reported them as UNKNOWN, "Exception was thrown by handler", or as a bare RESOURCE_EXHAUSTED: without a reason, and without the word that nothing
/// was executed.
/// </summary>
public sealed class MalformedMessageTests(SingleNode node) : IClassFixture<SingleNode>
{
    private static readonly Marshaller<byte[]> Raw = new(static bytes => bytes, static bytes => bytes);

    private static readonly byte[] NotUtf8 = [0x0a, 0x04, 0x12, 0x02, 0xff, 0xfe];

    public static TheoryData<string, byte[]> Messages => new()
    {
        { "garbage", [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff] },
        { "a field that ends too early", [0x12, 0x7f, 0x01] },
        { "field number 0", [0x00, 0x00] },
        { "a keyspace that is not UTF-8", NotUtf8 },
    };

    [Theory]
    [MemberData(nameof(Messages))]
    public async Task Bytes_that_are_no_message_are_an_invalid_request(string what, byte[] bytes)
    {
        _ = what;
        foreach (var (service, call) in new[] { ("Kv", "Get"), ("Kv", "Put"), ("Kv", "MultiSet"), ("Kv", "Txn"), ("EventualKv", "Put") })
        {
            var method = new Method<byte[], byte[]>(MethodType.Unary, $"kvraft.v1.{service}", call, Raw, Raw);
            var refused = await Assert.ThrowsAsync<RpcException>(async () => await Invoker.AsyncUnaryCall(method, null, default, bytes));

            AssertInvalid(refused, "NOT_EXECUTED");
        }

        var scan = new Method<byte[], byte[]>(MethodType.ServerStreaming, "kvraft.v1.Kv", "Scan", Raw, Raw);
        using var stream = Invoker.AsyncServerStreamingCall(scan, null, default, bytes);
        AssertInvalid(await Assert.ThrowsAsync<RpcException>(() => stream.ResponseStream.MoveNext()), "NOT_EXECUTED");

        // Earlier messages of a pipe may have been executed.
        var pipe = new Method<byte[], byte[]>(MethodType.DuplexStreaming, "kvraft.v1.Kv", "Pipe", Raw, Raw);
        using var piped = Invoker.AsyncDuplexStreamingCall(pipe, null, default);
        await piped.RequestStream.WriteAsync([0x0a, (byte)(bytes.Length + 2), 0x12, (byte)bytes.Length, .. bytes]);
        AssertInvalid(await Assert.ThrowsAsync<RpcException>(() => piped.ResponseStream.MoveNext()), "UNKNOWN");
    }

    [Theory]
    [InlineData("no message", new byte[0])]
    [InlineData("a part of a prefix", new byte[] { 0, 0, 0 })]
    [InlineData("a part of a message", new byte[] { 0, 0, 0, 0, 9, 1 })]
    [InlineData("two messages", new byte[] { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 })]
    [InlineData("an unknown flag", new byte[] { 2, 0, 0, 0, 0 })]
    public async Task Bytes_that_are_no_frame_are_an_invalid_request(string what, byte[] body)
    {
        _ = what;
        var (status, refusal) = await SendAsync(body, null);

        Assert.Equal((StatusCode.InvalidArgument, ErrorReasons.InvalidRequest), (status, refusal?.GetDetail<ErrorInfo>()?.Reason));
        Assert.Equal("message", refusal!.GetDetail<BadRequest>()!.FieldViolations[0].Field);
        Assert.Equal("NOT_EXECUTED", refusal.GetDetail<ErrorInfo>()!.Metadata["execution"]);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("deflate")]
    public async Task A_message_that_is_too_large_when_it_is_decompressed_is_refused_with_the_limit(string encoding)
    {
        var small = Compressed(new PutRequest { Key = ByteString.CopyFromUtf8("gz"), Value = ByteString.CopyFrom(new byte[1000]) }.ToByteArray(), encoding);
        var large = Compressed(new PutRequest { Key = ByteString.CopyFromUtf8("gz"), Value = ByteString.CopyFrom(new byte[200 << 20]) }.ToByteArray(), encoding);
        Assert.InRange(large.Length, 1000, 4 << 20);

        Assert.Equal(StatusCode.OK, (await SendAsync(small, encoding)).Status);
        var before = GC.GetTotalAllocatedBytes();
        var (status, refusal) = await SendAsync(large, encoding);

        var info = refusal!.GetDetail<ErrorInfo>()!;
        Assert.Equal((StatusCode.InvalidArgument, "LIMIT_EXCEEDED", "NOT_EXECUTED"), (status, info.Reason, info.Metadata["execution"]));
        Assert.Equal(("4194304", "limits.messageBytesMax"), (info.Metadata["limit"], info.Metadata["setting"]));
        Assert.InRange(long.Parse(info.Metadata["actual"], System.Globalization.CultureInfo.InvariantCulture), (4 << 20) + 1, 16 << 20);
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 64 << 20);
    }

    [Fact]
    public async Task A_compression_that_is_malformed_is_an_invalid_request()
    {
        var (status, refusal) = await SendAsync([1, 0, 0, 0, 4, 9, 9, 9, 9], "gzip");

        Assert.Equal((StatusCode.InvalidArgument, "INVALID_REQUEST", "NOT_EXECUTED"), (status, refusal!.GetDetail<ErrorInfo>()!.Reason, refusal.GetDetail<ErrorInfo>()!.Metadata["execution"]));
    }

    private CallInvoker Invoker => node.Cluster.Channel(0).CreateCallInvoker();

    private static void AssertInvalid(RpcException refused, string execution)
    {
        var info = refused.GetRpcStatus()?.GetDetail<ErrorInfo>();
        Assert.Equal((StatusCode.InvalidArgument, "INVALID_REQUEST", execution), (refused.StatusCode, info?.Reason, info?.Metadata["execution"]));
        Assert.DoesNotContain("Exception", refused.Status.Detail, StringComparison.Ordinal);
    }

    private static byte[] Compressed(byte[] message, string encoding)
    {
        var output = new MemoryStream();
        using (Stream stream = encoding == "gzip" ? new GZipStream(output, CompressionLevel.Optimal, leaveOpen: true) : new ZLibStream(output, CompressionLevel.Optimal, leaveOpen: true))
        {
            stream.Write(message);
        }

        var prefix = new byte[5];
        prefix[0] = 1;
        BinaryPrimitives.WriteInt32BigEndian(prefix.AsSpan(1), (int)output.Length);
        return [.. prefix, .. output.ToArray()];
    }

    private async Task<(StatusCode Status, Google.Rpc.Status? Details)> SendAsync(byte[] body, string? encoding)
    {
        using var client = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://{node.Cluster.Nodes[0]!.PublicEndPoint}/kvraft.v1.Kv/Put")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(body),
        };
        request.Content.Headers.ContentType = new("application/grpc");
        request.Headers.Add("TE", "trailers");
        if (encoding is not null)
        {
            request.Headers.Add("grpc-encoding", encoding);
        }

        using var response = await client.SendAsync(request, CancellationToken.None);
        await response.Content.ReadAsByteArrayAsync();
        var fields = response.Headers.Concat(response.TrailingHeaders).ToDictionary(static field => field.Key, static field => field.Value.First());
        var details = fields.GetValueOrDefault("grpc-status-details-bin");
        return (
            (StatusCode)int.Parse(fields["grpc-status"], System.Globalization.CultureInfo.InvariantCulture),
            details is null ? null : Google.Rpc.Status.Parser.ParseFrom(Convert.FromBase64String(details.PadRight((details.Length + 3) / 4 * 4, '='))));
    }
}
