using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using Google.Protobuf;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Running;

/// <summary>
/// An error is a gRPC answer that consists of its status alone: one frame of headers, which ends the stream. The .NET client finds a status in headers that do not end it as well; clients of
/// other languages do not, and reported an unknown error without a reason. HttpClient does not show which frame ended a stream, so the frames are read here.
/// </summary>
public sealed class ErrorStatusTests(SingleNode node) : IClassFixture<SingleNode>
{
    private const byte Data = 0, Headers = 1, Settings = 4;
    private const byte EndStream = 1, EndHeaders = 4;

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
        using var limit = new CancellationTokenSource(RunningCluster.Patience);
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(node.Cluster.Nodes[0]!.PublicEndPoint, limit.Token);
        await using var stream = new NetworkStream(socket);
        await stream.WriteAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray(), limit.Token);
        await stream.WriteAsync(Frame(Settings, 0, 0, []), limit.Token);
        await stream.WriteAsync(Frame(Headers, EndHeaders, 1, Fields(method)), limit.Token);
        byte[] message = [0, 0, 0, 0, 0, .. request];
        BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(1), request.Length);
        await stream.WriteAsync(Frame(Data, EndStream, 1, message), limit.Token);

        var head = new byte[9];
        while (true)
        {
            await stream.ReadExactlyAsync(head, limit.Token);
            var payload = new byte[(head[0] << 16) | (head[1] << 8) | head[2]];
            await stream.ReadExactlyAsync(payload, limit.Token);
            if (BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(5)) == 1 && head[3] is Data or Headers)
            {
                Assert.Equal((Headers, EndStream), (head[3], (byte)(head[4] & EndStream)));

                // Names that are new to a connection are literals, which Kestrel does not compress.
                Assert.True(payload.AsSpan().IndexOf("grpc-status-details-bin"u8) >= 0, Encoding.ASCII.GetString(payload));
                return;
            }
        }
    }

    private static byte[] Frame(byte type, byte flags, int stream, byte[] payload)
    {
        byte[] frame = [(byte)(payload.Length >> 16), (byte)(payload.Length >> 8), (byte)payload.Length, type, flags, 0, 0, 0, 0, .. payload];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        return frame;
    }

    /// <summary>HPACK: each field as a literal that is not indexed (RFC 7541, section 6.2.2).</summary>
    private static byte[] Fields(string method) =>
    [
        .. Field(":method", "POST"), .. Field(":scheme", "http"), .. Field(":path", $"/kvraft.v1.Kv/{method}"), .. Field(":authority", "127.0.0.1"),
        .. Field("content-type", "application/grpc"), .. Field("te", "trailers"),
    ];

    private static byte[] Field(string name, string value) =>
        [0, (byte)name.Length, .. Encoding.ASCII.GetBytes(name), (byte)value.Length, .. Encoding.ASCII.GetBytes(value)];
}
