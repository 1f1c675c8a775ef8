using System.Net;
using System.Net.Sockets;

namespace KvRaft.Benchmarks.Clusters;

/// <summary>Ports of loopback that nobody uses.</summary>
internal static class FreePorts
{
    /// <summary>All held at once before any is let go, so that they differ.</summary>
    public static int[] Take(int count)
    {
        var listeners = Enumerable.Range(0, count).Select(static _ => new TcpListener(IPAddress.Loopback, 0)).ToArray();
        try
        {
            foreach (var listener in listeners)
            {
                listener.Start();
            }

            return [.. listeners.Select(static listener => ((IPEndPoint)listener.LocalEndpoint).Port)];
        }
        finally
        {
            foreach (var listener in listeners)
            {
                listener.Dispose();
            }
        }
    }
}
