using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using KvRaft.V1;

namespace KvRaft.Integration.Tests.Hostile;

/// <summary>
/// One way in which a client may try to harm a cluster. To add one, add a class in <c>Attacks</c>: the suite finds it. An attack runs until its token is
/// cancelled and may fail in any way; it asserts nothing. The suite asserts that the cluster withstands it.
/// </summary>
internal interface IAttack
{
    Task RunAsync(Victim victim, CancellationToken until);
}

/// <summary>The targets of an attack.</summary>
/// <param name="Endpoints">Services of each node, <c>host:port</c>.</param>
/// <param name="RaftEndpoints">Replication port of each node, <c>host:port</c>.</param>
internal sealed record Victim(IReadOnlyList<string> Endpoints, IReadOnlyList<string> RaftEndpoints)
{
    /// <summary>A keyspace that routes by tag, and an eventual keyspace.</summary>
    public const string Tagged = "hostile-tagged";

    public const string Eventual = "hostile-eventual";

    public const int ValueBytes = 1 << 20;

    /// <summary>Keys of one tag with a value of <see cref="ValueBytes"/> each.</summary>
    public const int LargeKeys = 16;

    /// <summary>Eventual keys with concurrent values, each with nearly as many bytes as a key may have (<c>eventual.siblingBytesMax</c>).</summary>
    public const int SiblingKeys = 4;

    public const int SiblingsOfKey = 19;

    public const int SiblingBytes = 100_000;

    public static ByteString SiblingKey(int i) => ByteString.CopyFromUtf8($"siblings/{i % SiblingKeys}");

    public static RequestHeader Header => new() { Keyspace = Tagged };

    public static ByteString LargeKey(int i) => ByteString.CopyFromUtf8($"{{t}}/{i % LargeKeys}");

    /// <summary>Opens a new connection to a node.</summary>
    public GrpcChannel Connect(int node) => GrpcChannel.ForAddress($"http://{Endpoints[node % Endpoints.Count]}", new GrpcChannelOptions
    {
        MaxReceiveMessageSize = null,
        MaxSendMessageSize = null,
        HttpHandler = new SocketsHttpHandler { EnableMultipleHttp2Connections = true, UseProxy = false },
        DisposeHttpClient = true,
    });

    /// <summary>Makes a call that may be refused.</summary>
    public static async Task TryAsync(Func<Task> call)
    {
        try
        {
            await call();
        }
        catch (RpcException)
        {
            // The attack continues with its next call.
        }
    }

    /// <summary>Repeats a call from many tasks at once until the end. Failures are ignored.</summary>
    public static Task RepeatAsync(int sides, Func<int, CancellationToken, Task> call, CancellationToken until) =>
        Task.WhenAll(Enumerable.Range(0, sides).Select(side => Task.Run(
            async () =>
            {
                while (!until.IsCancellationRequested)
                {
                    try
                    {
                        await call(side, until);
                    }
                    catch (Exception error) when (error is RpcException or IOException or HttpRequestException or OperationCanceledException or InvalidOperationException or System.Net.Sockets.SocketException)
                    {
                        // Refused, cut off, or ended: an attacker repeats the call after a pause.
                        await Task.WhenAny(Task.Delay(20, CancellationToken.None));
                    }
                }
            },
            CancellationToken.None)));
}
