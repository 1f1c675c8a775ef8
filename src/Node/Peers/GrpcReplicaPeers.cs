using Google.Protobuf;
using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Coordinators;
using KvRaft.Eventual.Replicas;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Peers;

/// <summary>The replicas of other nodes, by gRPC.</summary>
internal sealed class GrpcReplicaPeers(PeerCaller peers) : IReplicaPeers
{
    public Task HearAsync(NodeId node, CancellationToken cancellationToken) =>
        peers.CallAsync(node, peer => peer.EventualPeers.HearAsync(new HearRequest(), cancellationToken: cancellationToken));

    public async Task<FetchedState> FetchAsync(NodeId node, EventualKey key, CancellationToken cancellationToken)
    {
        var response = await peers.CallAsync(node, peer => peer.EventualPeers.FetchAsync(
            new FetchStateRequest { Key = PeerWire.ToWire(key) }, cancellationToken: cancellationToken));
        return new FetchedState(
            response.State.IsEmpty ? SiblingSet.Empty : SiblingSetCodec.Decode(response.State.Memory),
            new ReplicaWord(Keeps: !response.Partial, response.Tenure, !response.Partial));
    }

    public async Task<ReplicaWord> StoreAsync(
        NodeId node, EventualKey key, SiblingSet state, NodeId? hintFor, bool durable, CancellationToken cancellationToken)
    {
        var response = await peers.CallAsync(node, peer => peer.EventualPeers.StoreAsync(
            new StoreStateRequest
            {
                Key = PeerWire.ToWire(key),
                State = UnsafeByteOperations.UnsafeWrap(SiblingSetCodec.Encode(state)),
                HintFor = hintFor?.Value ?? "",
                Durable = durable,
            },
            cancellationToken: cancellationToken));
        return new ReplicaWord(response.Keeps, response.Tenure, !response.Partial);
    }
}
