using Grpc.Net.Client;

namespace KvRaft.Client.Transport;

/// <summary>Makes the gRPC channel to a node. What each setting is for stands in <see cref="KvClientOptions"/>.</summary>
internal static class ChannelFactory
{
    /// <summary>1 MiB of a stream may be under way before the reader must confirm (HTTP/2's own default is 64 KiB): a pipe answers
    /// many callers at once, and at 64 KiB a link with 10 ms of latency would carry no more than 6 MB/s.</summary>
    private const int StreamWindowBytes = 1024 * 1024;

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
            MaxReceiveMessageSize = options.MessageBytesMax,
            MaxSendMessageSize = options.MessageBytesMax,
            LoggerFactory = options.LoggerFactory,
        });
}
