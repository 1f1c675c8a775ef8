using System.Net.Sockets;
using Grpc.Core;

namespace KvRaft.V1;

/// <summary>What can be said of a failed call from the way its connection failed, by whoever made the call.</summary>
public static class ConnectionFaults
{
    /// <summary>True if the call never left: its connection was not made, so the other side has seen nothing of it.</summary>
    public static bool NeverConnected(RpcException error)
    {
        for (var cause = error.Status.DebugException; cause is not null; cause = cause.InnerException)
        {
            if (cause is HttpRequestException
                {
                    HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError
                        or HttpRequestError.SecureConnectionError or HttpRequestError.ProxyTunnelError,
                }

                // Of all socket errors only those that an established connection cannot meet.
                or SocketException
                {
                    SocketErrorCode: SocketError.ConnectionRefused or SocketError.HostNotFound or SocketError.TryAgain
                        or SocketError.NoData,
                })
            {
                return true;
            }
        }

        return false;
    }
}
