using System.Net;
using System.Net.Sockets;

namespace KvRaft.Benchmarks.Clusters;

/// <summary>Free loopback ports.</summary>
internal static class FreePorts
{
    /// <summary>All ports are held before the first is released, so that they are different.</summary>
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
