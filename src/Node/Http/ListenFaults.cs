using System.Net;
using System.Net.Sockets;
using KvRaft.Node.Lifecycle;
using Microsoft.AspNetCore.Connections;

namespace KvRaft.Node.Http;

/// <summary>Why the node cannot listen on an address, in one line.</summary>
internal static class ListenFaults
{
    /// <param name="setting">The setting that named the address.</param>
    /// <param name="address">The address.</param>
    /// <param name="error">The exception of the socket or Kestrel.</param>
    public static NodeStartException ToStartException(string setting, IPEndPoint address, Exception error)
    {
        for (var cause = error; cause is not null; cause = cause.InnerException)
        {
            if (cause is AddressInUseException or SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse })
            {
                return new NodeStartException(
                    StartFault.PortInUse, $"{setting} {address}: the port is in use by another process", error);
            }
        }

        return new NodeStartException(StartFault.CannotListen, $"{setting} {address}: {error.GetBaseException().Message}", error);
    }
}
