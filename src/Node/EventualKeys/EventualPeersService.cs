using Grpc.Core;
using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Replicas;
using KvRaft.Node.Answers;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.EventualKeys;

/// <summary>The calls of other nodes to this node's copies of eventual keys: decode, call, encode.</summary>
internal sealed class EventualPeersService(EventualReplica replica, IReplicaHolders holders, PeerKeyCheck keys, CallAnswers answers) : EventualPeers.EventualPeersBase
{
    public override Task<HearResponse> Hear(HearRequest request, ServerCallContext context) => Task.FromResult(new HearResponse());

    public override async Task<FetchStateResponse> Fetch(FetchStateRequest request, ServerCallContext context)
    {
        var key = KeyOf(request.Key);
        var bytesMax = request.BytesMax > 0 ? request.BytesMax : long.MaxValue;
        if (replica.LengthOf(key) is var length && length > bytesMax)
        {
            return new FetchStateResponse { NeededBytes = length };
        }

        try
        {
            // The window releases it when the answer was sent.
            var read = await replica.ReadWithClaimAsync(key, holders, new WindowRoom(answers.OfState(context)), context.CancellationToken);
            return read.Bytes.Length > bytesMax
                ? new FetchStateResponse { NeededBytes = read.Bytes.Length }
                : new FetchStateResponse
                {
                    State = Google.Protobuf.UnsafeByteOperations.UnsafeWrap(read.Bytes),
                    Partial = !read.Claim.IsWhole,
                    Tenure = read.Claim.Tenure,
                };
        }
        catch (NoRoomException full)
        {
            throw RpcStatus.ToException(WindowRoom.FailureOf(full));
        }
    }

    public override async Task<StoreStateResponse> Store(StoreStateRequest request, ServerCallContext context)
    {
        var (key, write) = (KeyOf(request.Key), new TakeState(StateOf(request), HintOf(request)));
        RefuseIfLeaving();
        var (end, kept) = await replica.WriteAsync(key, write, request.Durable, context.CancellationToken);
        if (end != WriteEnd.Applied)
        {
            // This happens only if a state does not fit beside the state here; neither is changed.
            throw RpcStatus.ToException(Failure.Limit(new LimitExceeded(
                "state", "actors of a record (fixed)", SiblingSetCodec.ActorsMax, kept.Seen.Merge(write.State.Seen).Entries.Length)));
        }

        // A check may already have found that nothing is left here; a state that arrives after that must not count as a copy.
        RefuseIfLeaving();
        var claim = replica.ClaimOn(key, holders);
        return new StoreStateResponse { Keeps = claim.Keeps, Partial = !claim.IsWhole, Tenure = claim.Tenure };
    }

    private void RefuseIfLeaving()
    {
        if (holders.IsLeaving)
        {
            throw RpcStatus.ToException(Failure.Draining("this node leaves the cluster and takes nothing any more"));
        }
    }

    private EventualKey KeyOf(StateKey? wire)
    {
        var (key, failure) = keys.Check(wire);
        return failure is null ? key : throw RpcStatus.ToException(failure);
    }

    // The bytes come from another node; bytes that are no state are refused before they are merged with the state here.
    private static SiblingSet StateOf(StoreStateRequest request)
    {
        try
        {
            return SiblingSetCodec.Decode(request.State.Memory);
        }
        catch (EventualFormatException mistake)
        {
            throw RpcStatus.ToException(Failure.Invalid("state", mistake.Message));
        }
    }

    // A hint for a node that does not exist would be stored, and checked, until it is too old.
    private NodeId? HintOf(StoreStateRequest request) =>
        request.HintFor.Length == 0 ? null
        : NodeId.IsValid(request.HintFor) && holders.Nodes.Contains(new NodeId(request.HintFor)) ? new NodeId(request.HintFor)
        : throw RpcStatus.ToException(Failure.Invalid("hint_for", "a node of the cluster"));
}
