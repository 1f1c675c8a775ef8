using System.Net.Sockets;
using Grpc.Core;

namespace KvRaft.V1;

/// <summary>Classifies a failed call by the way in which its connection failed, for the caller.</summary>
public static class ConnectionFaults
{
    /// <summary>True if the call was never sent: no connection was established, so the other side has received nothing.</summary>
    public static bool NeverConnected(RpcException error)
    {
        for (var cause = error.Status.DebugException; cause is not null; cause = cause.InnerException)
        {
            if (cause is HttpRequestException
                {
                    HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError
                        or HttpRequestError.SecureConnectionError or HttpRequestError.ProxyTunnelError,
                }

                // Only the socket errors that cannot occur on an established connection.
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
