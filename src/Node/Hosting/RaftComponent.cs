using System.Net;
using System.Net.Sockets;
using KvRaft.Node.Cluster;
using KvRaft.Node.Http;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Raft.Groups;
using KvRaft.Raft.Options;
using KvRaft.Raft.Runs;
using KvRaft.Raft.Security;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Node.Hosting;

/// <summary>Opens the node's log and its Raft port, and turns their failures into one line for operators.</summary>
internal static class RaftComponent
{
    /// <exception cref="NodeStartException">The port is taken, or the log is not this node's or damaged.</exception>
    public static async Task<RaftHost> StartAsync(
        NodeOptions options, MembershipFile membership, ShardMapHolder map, DiskLevel level, NodeAuthentication authentication, ConnectionLimits connections,
        ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        var host = new RaftHostOptions
        {
            ClusterId = options.ClusterId,
            NodeId = options.NodeId,
            DataDirectory = options.DataDirectory,
            Listen = options.RaftListen,
            Resolve = node => Resolve(options, membership, map, node),
            Acquaintances = [.. options.Nodes.Select(static node => node.Id).Concat((membership.Joined?.Voters ?? []).Select(static voter => voter.Id)).Where(node => node != options.NodeId).Distinct()],
            Timings = options.Timings.ToRaft(),
            Authentication = authentication,
            ConnectionsMax = connections.RaftMax,
            Time = options.Surroundings.Time,
            LogSegmentBytes = options.Log.SegmentBytes,
            LogBytesMax = options.Log.BytesMax,
            LogBytesRetainedMax = options.Log.RetainedBytesMax,
            MayGrow = () => !level.IsCritical,
        };
        try
        {
            return await RaftHost.StartAsync(host, loggers, cancellationToken);
        }
        catch (RunRefusedException error)
        {
            throw new NodeStartException(StartFault.NotAdmitted, error.Message, error);
        }
        catch (Exception error) when (error is SocketException or IOException { InnerException: SocketException })
        {
            throw ListenFaults.ToStartException("raftListen", options.RaftListen, error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException || FullDisk.Is(error.GetBaseException()))
        {
            throw OwnFiles.ToStartException(Path.Combine(options.DataDirectory, "log"), isDirectory: true, error);
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            throw new NodeStartException(StartFault.DamagedData, $"the node's log cannot be opened: {error.Message}", error);
        }
    }

    /// <summary>
    /// The addresses in the options, and for nodes that joined later the committed ones. The options come first: an operator that moves a node
    /// to another address writes it there, and without that node nothing may be committed. The addresses that a node received when it joined come last.
    /// </summary>
    private static EndPoint? Resolve(NodeOptions options, MembershipFile membership, ShardMapHolder map, NodeId node)
    {
        if (options.Nodes.FirstOrDefault(initial => initial.Id == node) is { } told)
        {
            return options.Surroundings.WayToRaft(node, told.Raft).ToEndPoint();
        }

        if (HostAndPort.TryParse(map.Current.Node(node)?.RaftAddress, out var agreed))
        {
            return options.Surroundings.WayToRaft(node, agreed).ToEndPoint();
        }

        return membership.Joined?.Voters.FirstOrDefault(voter => voter.Id == node) is { } voter
            ? options.Surroundings.WayToRaft(node, voter.Raft).ToEndPoint()
            : null;
    }
}
