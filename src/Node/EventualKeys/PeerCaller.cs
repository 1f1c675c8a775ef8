using Grpc.Core;
using KvRaft.Eventual.Coordinators;
using KvRaft.Node.Cluster;
using KvRaft.Node.Requests;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.EventualKeys;

/// <summary>Calls another node's services for eventual keys; every failure is a <see cref="PeerException"/>.</summary>
internal sealed class PeerCaller(PeerDirectory peers)
{
    /// <exception cref="PeerException">The node is not in the view, did not answer, or could not execute the call.</exception>
    public async Task<T> CallAsync<T>(NodeId node, Func<Peer, AsyncUnaryCall<T>> call)
    {
        var peer = peers.Find(node) ?? throw new PeerException($"node {node} is not in the cluster");
        try
        {
            using var running = call(peer);
            return await running.ResponseAsync;
        }
        catch (RpcException error)
        {
            throw new PeerException($"node {node}: {error.Status.Detail}", error)
            {
                IsOverload = RpcStatus.ToFailure(error) is { Reason: ErrorReasons.Overloaded },
            };
        }
    }
}
