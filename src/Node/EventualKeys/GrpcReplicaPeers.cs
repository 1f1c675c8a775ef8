using Google.Protobuf;
using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Coordinators;
using KvRaft.Eventual.Replicas;
using KvRaft.Node.Answers;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.EventualKeys;

/// <summary>The replicas on other nodes, over gRPC.</summary>
internal sealed class GrpcReplicaPeers(PeerCaller peers, AnswerBudget budget) : IReplicaPeers, IDisposable
{
    /// <summary>
    /// The bytes that are sent to other nodes at once, a quarter of those that the node may hold for answers: a write of a few bytes sends the whole state of its key to each replica. Further
    /// bytes wait, at most until the write's timeout for its replica.
    /// </summary>
    private readonly AnswerWindow _sending = new(new AnswerShare(budget), budget.BytesMax / 4, WindowFull.Wait, guess: 0);

    public void Dispose() => _sending.Dispose();

    public Task HearAsync(NodeId node, CancellationToken cancellationToken) =>
        peers.CallAsync(node, peer => peer.EventualPeers.HearAsync(new HearRequest(), cancellationToken: cancellationToken));

    public async Task<FetchedState> FetchAsync(NodeId node, EventualKey key, IStateRoom? room, CancellationToken cancellationToken)
    {
        if (room is null)
        {
            return ToState(await FetchAsync(node, key, bytesMax: 0, cancellationToken));
        }

        for (var bytes = (long)room.Guess; ;)
        {
            await room.TakeAsync(bytes, cancellationToken);
            var (taken, held) = (bytes, 0L);
            try
            {
                var response = await FetchAsync(node, key, bytes, cancellationToken);
                if (response.NeededBytes <= bytes)
                {
                    held = response.State.Length;
                    return ToState(response);
                }

                bytes = response.NeededBytes;
            }
            finally
            {
                room.Give(taken - held);
            }
        }
    }

    private static FetchedState ToState(FetchStateResponse response) => new(
        response.State.IsEmpty ? SiblingSet.Empty : SiblingSetCodec.Decode(response.State.Memory),
        new ReplicaClaim(Keeps: !response.Partial, response.Tenure, !response.Partial));

    private Task<FetchStateResponse> FetchAsync(NodeId node, EventualKey key, long bytesMax, CancellationToken cancellationToken) =>
        peers.CallAsync(node, peer => peer.EventualPeers.FetchAsync(
            new FetchStateRequest { Key = PeerWire.ToWire(key), BytesMax = bytesMax }, cancellationToken: cancellationToken));

    public async Task<ReplicaClaim> StoreAsync(
        NodeId node, EventualKey key, SiblingSet state, NodeId? hintFor, bool durable, CancellationToken cancellationToken)
    {
        var bytes = SiblingSetCodec.BytesOf(state);
        if (await _sending.TakeAsync(bytes, cancellationToken) is { } full)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new PeerException($"a state of {bytes} bytes is not sent to node {node}: {full.Message}") { IsOverload = true };
        }

        try
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
            return new ReplicaClaim(response.Keeps, response.Tenure, !response.Partial);
        }
        finally
        {
            _sending.Give(bytes);
        }
    }
}
