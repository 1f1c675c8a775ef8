using System.Net;
using System.Net.Sockets;
using KvRaft.Node.Options;
using KvRaft.Node.Routing;
using KvRaft.Raft;
using KvRaft.Topology;

namespace KvRaft.Node.Hosting;

/// <summary>Opens the node's log and its Raft port, and turns what can go wrong with them into a line for people.</summary>
internal static class RaftRoom
{
    /// <exception cref="NodeStartException">The port is taken, or the log is not this node's or damaged.</exception>
    public static async Task<RaftHost> StartAsync(
        NodeOptions options, ShardMapHolder map, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        var host = new RaftHostOptions
        {
            ClusterId = options.ClusterId,
            NodeId = options.NodeId,
            DataDirectory = options.DataDirectory,
            Listen = options.RaftListen,
            Resolve = node => Resolve(options, map, node),
            Timings = options.Timings.ToRaft(),
        };
        try
        {
            return await RaftHost.StartAsync(host, loggers, cancellationToken);
        }
        catch (Exception error) when (error is IOException or SocketException)
        {
            throw ListenFaults.ToStartException("raftListen", options.RaftListen, error);
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            throw new NodeStartException(StartFault.DamagedData, $"the node's log cannot be opened: {error.Message}", error);
        }
    }

    /// <summary>What the cluster agreed on, and before that what the options say.</summary>
    private static EndPoint? Resolve(NodeOptions options, ShardMapHolder map, NodeId node)
    {
        var agreed = map.Current.Node(node)?.RaftAddress;
        return agreed is not null && HostAndPort.TryParse(agreed, out var address)
            ? address.ToEndPoint()
            : options.Nodes.FirstOrDefault(initial => initial.Id == node)?.Raft.ToEndPoint();
    }
}
