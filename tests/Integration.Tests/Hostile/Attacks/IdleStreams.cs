using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace KvRaft.Integration.Tests.Hostile.Attacks;

/// <summary>
/// Two hundred and fifty connections to one node with a thousand streams each, which do nothing: half of them watch routes, half are pipes without a call. Nothing that the node sends is read. Written in frames, because
/// a client library would need more memory for them than the node.
/// </summary>
internal sealed class IdleStreams : IAttack
{
    private const int Connections = 250;
    private const int StreamsOfConnection = 1000;

    private static readonly string[] Paths = ["/kvraft.v1.Routing/WatchRoutes", "/kvraft.v1.Kv/Pipe"];

    public async Task RunAsync(Victim victim, CancellationToken until)
    {
        var endpoint = IPEndPoint.Parse(victim.Endpoints[0]);
        await Victim.RepeatAsync(
            Connections,
            async (side, token) =>
            {
                using var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(endpoint, token);
                await socket.SendAsync(Streams(Paths[side % Paths.Length], endpoint.ToString()), token);
                await Task.Delay(TimeSpan.FromSeconds(30), token);
            },
            until);
    }

    /// <summary>The preface of HTTP/2 (RFC 9113, 3.4), empty settings, and as many requests as the connection may have.</summary>
    private static byte[] Streams(string path, string authority)
    {
        var bytes = new MemoryStream();
        bytes.Write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8);
        WriteFrame(bytes, type: 4, flags: 0, stream: 0, []);
        var headers = Headers(path, authority);
        for (var i = 0; i < StreamsOfConnection; i++)
        {
            // Headers, complete; then one empty message of gRPC, with the end of the request only where the call has one message.
            WriteFrame(bytes, type: 1, flags: 4, stream: (2 * i) + 1, headers);
            WriteFrame(bytes, type: 0, flags: path == Paths[0] ? (byte)1 : (byte)0, stream: (2 * i) + 1, [0, 0, 0, 0, 0]);
        }

        return bytes.ToArray();
    }

    private static void WriteFrame(MemoryStream bytes, byte type, byte flags, int stream, ReadOnlySpan<byte> payload)
    {
        Span<byte> head = stackalloc byte[9];
        BinaryPrimitives.WriteInt32BigEndian(head, payload.Length << 8);
        (head[3], head[4]) = (type, flags);
        BinaryPrimitives.WriteInt32BigEndian(head[5..], stream);
        bytes.Write(head);
        bytes.Write(payload);
    }

    /// <summary>HPACK (RFC 7541): POST and http are entries 3 and 6 of the static table, the other fields are literals without indexing.</summary>
    private static byte[] Headers(string path, string authority)
    {
        var bytes = new MemoryStream();
        bytes.Write([0x83, 0x86]);
        WriteLiteral(bytes, [0x04], path);
        WriteLiteral(bytes, [0x01], authority);
        WriteLiteral(bytes, [0x0f, 0x10], "application/grpc");
        WriteLiteral(bytes, [0x00, 0x02, (byte)'t', (byte)'e'], "trailers");
        return bytes.ToArray();
    }

    private static void WriteLiteral(MemoryStream bytes, ReadOnlySpan<byte> name, string value)
    {
        bytes.Write(name);
        bytes.WriteByte((byte)value.Length);
        bytes.Write(Encoding.ASCII.GetBytes(value));
    }
}
