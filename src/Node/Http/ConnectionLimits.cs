using System.Globalization;
using KvRaft.Node.Options;

namespace KvRaft.Node.Http;

/// <summary>
/// How many connections a node holds, from the settings or from the process's descriptors: half of the descriptors are for files (RocksDB holds up to hundreds open, the log some)
/// and for connections that the node opens itself, a quarter each is for clients and for other nodes.
/// </summary>
/// <param name="PublicMax">Of clients, on the ports for gRPC and JSON together.</param>
/// <param name="PerAddressMax">Of those, of one address.</param>
/// <param name="RaftMax">Of other nodes, on the Raft port.</param>
/// <param name="Descriptors">The descriptors that the process may have open, in all.</param>
internal sealed record ConnectionLimits(int PublicMax, int PerAddressMax, int RaftMax, long Descriptors)
{
    /// <summary>More than a node with many groups has (4,096 are some thousand of three replicas), and clients share connections: each costs some 30 KiB.</summary>
    private const int DerivedMax = 4096;

    private const int DerivedMin = 16;

    /// <summary>An eighth of the places is not available to the address that has all the others.</summary>
    private const int ReservedShare = 8;

    /// <summary>Assumed if the system does not report the limit: the usual limit of a shell.</summary>
    private const long DescriptorsUnknown = 1024;

    public static ConnectionLimits Of(NodeOptions options) => Of(options.Limits, DescriptorsOfProcess() / options.NodesInProcess);

    /// <summary>Pure: the rule.</summary>
    public static ConnectionLimits Of(Options.Limits limits, long descriptors)
    {
        var derived = (int)Math.Clamp(descriptors / 4, DerivedMin, DerivedMax);
        var @public = limits.ConnectionsMax > 0 ? limits.ConnectionsMax : derived;
        return new ConnectionLimits(
            @public,
            limits.ConnectionsPerAddressMax > 0 ? Math.Min(limits.ConnectionsPerAddressMax, @public) : @public - Math.Max(1, @public / ReservedShare),
            limits.RaftConnectionsMax > 0 ? limits.RaftConnectionsMax : derived, descriptors);
    }

    /// <summary>The soft limit, which .NET raised to the hard one when the process started.</summary>
    private static long DescriptorsOfProcess()
    {
        const string Limits = "/proc/self/limits";
        if (File.Exists(Limits))
        {
            foreach (var line in File.ReadLines(Limits).Where(static line => line.StartsWith("Max open files", StringComparison.Ordinal)))
            {
                var soft = line.Split(' ', StringSplitOptions.RemoveEmptyEntries).ElementAtOrDefault(3);
                return long.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out var descriptors) ? descriptors : long.MaxValue;
            }
        }

        return DescriptorsUnknown;
    }
}
