using Grpc.Net.Client;

namespace KvRaft.Client.Transport;

/// <summary>Makes the gRPC channel to a node. What each setting is for stands in <see cref="KvClientOptions"/>.</summary>
internal static class ChannelFactory
{
    /// <summary>1 MiB of a stream may be under way before the reader must confirm (HTTP/2's own default is 64 KiB): a pipe answers
    /// many callers at once, and at 64 KiB a link with 10 ms of latency would carry no more than 6 MB/s.</summary>
    private const int StreamWindowBytes = 1024 * 1024;

    /// <summary>50 ms: many times a local round trip.</summary>
    private static readonly TimeSpan ReconnectDelayMin = TimeSpan.FromMilliseconds(50);

    /// <summary>500 ms: two connection attempts a second to a dead node are no load for anybody.</summary>
    private static readonly TimeSpan ReconnectDelayMax = TimeSpan.FromMilliseconds(500);

    public static GrpcChannel Create(string endpoint, KvClientOptions options) =>
        GrpcChannel.ForAddress((options.Tls ? "https://" : "http://") + endpoint, new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler
            {
                ConnectTimeout = options.ConnectTimeout,
                KeepAlivePingDelay = options.KeepAlivePingDelay,
                KeepAlivePingTimeout = options.KeepAlivePingTimeout,

                // Connections without requests are left alone; the next request finds out.
                KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
                PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,

                // More than 100 concurrent streams (the usual limit of a server) open another connection instead of queueing.
                EnableMultipleHttp2Connections = true,
                InitialHttp2StreamWindowSize = StreamWindowBytes,
                UseProxy = false,
            },
            DisposeHttpClient = true,

            // Calls to a node that refuses connections fail at once meanwhile and go elsewhere; this is how late a restarted node is
            // noticed. gRPC's own 1 s to 120 s are for clients that have nowhere else to go.
            InitialReconnectBackoff = ReconnectDelayMin,
            MaxReconnectBackoff = ReconnectDelayMax,
            MaxReceiveMessageSize = options.MessageBytesMax,
            MaxSendMessageSize = options.MessageBytesMax,
            LoggerFactory = options.LoggerFactory,
        });
}
