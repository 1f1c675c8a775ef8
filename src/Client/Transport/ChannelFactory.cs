using Grpc.Net.Client;

namespace KvRaft.Client.Transport;

/// <summary>Creates the gRPC channel of a node. The settings are explained in <see cref="KvClientOptions"/>.</summary>
internal static class ChannelFactory
{
    /// <summary>
    /// 1 MiB of a stream may be in flight before the reader must acknowledge it (the default of HTTP/2 is 64 KiB): a pipe answers many callers at
    /// once, and with 64 KiB a link with 10 ms of latency would transfer at most 6 MB/s.
    /// </summary>
    private const int StreamWindowBytes = 1024 * 1024;

    /// <summary>50 ms: many times a local round trip.</summary>
    private static readonly TimeSpan ReconnectDelayMin = TimeSpan.FromMilliseconds(50);

    /// <summary>500 ms: two connection attempts per second to a dead node are a negligible load.</summary>
    private static readonly TimeSpan ReconnectDelayMax = TimeSpan.FromMilliseconds(500);

    /// <param name="onConnected">Called for each new connection before anything is sent on it.</param>
    public static GrpcChannel Create(string endpoint, KvClientOptions options, Action onConnected) =>
        GrpcChannel.ForAddress((options.Tls ? "https://" : "http://") + endpoint, new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler
            {
                ConnectTimeout = options.ConnectTimeout,
                KeepAlivePingDelay = options.KeepAlivePingDelay,
                KeepAlivePingTimeout = options.KeepAlivePingTimeout,

                // Connections without requests are not pinged; the next request detects a broken one.
                KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
                PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,

                // If there are more than 100 concurrent streams (the usual limit of a server), another connection is opened instead of queueing.
                EnableMultipleHttp2Connections = true,
                InitialHttp2StreamWindowSize = StreamWindowBytes,
                UseProxy = false,
                PlaintextStreamFilter = (connection, _) =>
                {
                    onConnected();
                    return ValueTask.FromResult(connection.PlaintextStream);
                },
            },
            DisposeHttpClient = true,

            // While a node refuses connections, calls to it fail at once and go to other nodes; this delay limits how late a restarted node is
            // detected. The defaults of gRPC, 1 s to 120 s, are for clients that have only one server.
            InitialReconnectBackoff = ReconnectDelayMin,
            MaxReconnectBackoff = ReconnectDelayMax,
            MaxReceiveMessageSize = options.MessageBytesMax,
            MaxSendMessageSize = options.MessageBytesMax,
            LoggerFactory = options.LoggerFactory,
        });
}
