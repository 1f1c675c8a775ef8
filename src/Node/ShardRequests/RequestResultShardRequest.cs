using KvRaft.Node.Cluster;
using KvRaft.Node.Requests;
using KvRaft.Node.Shards;
using KvRaft.Storage.Commands;
using KvRaft.Storage.Sessions;
using KvRaft.V1;
using State = KvRaft.V1.GetRequestResultResponse.Types.State;

namespace KvRaft.Node.ShardRequests;

/// <summary>A query for the outcome of a write, on its way to the shard that would have recorded it.</summary>
internal readonly struct RequestResultShardRequest(GetRequestResultRequest request, AnswerHeaders headers, TimeProvider time)
    : IShardRequest<GetRequestResultResponse>
{
    public bool IsWrite => false;

    public async ValueTask<Answered<GetRequestResultResponse>> RunAsync(ShardReplica replica, Deadline deadline, CancellationToken cancellationToken)
    {
        if (await replica.BarrierAsync(cancellationToken) is { } failure)
        {
            return failure;
        }

        var identity = request.HasItem ? ItemIdentity.Of(request.Identity, request.Item)! : request.Identity;
        var fate = replica.Store.GetRequestResult(CommandFields.ToStamp(identity, replica.Shard));
        var header = headers.OfRead(replica, Consistency.Linearizable);
        header.ShardVersion = AnswerHeaders.VersionSeen(replica);
        var response = new GetRequestResultResponse
        {
            Header = header,
            State = fate.Knowledge switch
            {
                RequestKnowledge.NotSeen => State.NotSeen,
                RequestKnowledge.Remembered => State.Executed,
                _ => State.Expired,
            },
        };
        if (fate.Outcome is { } outcome)
        {
            response.Applied = outcome.Status == ShardStatus.Applied;
            response.Version = response.Applied ? outcome.Version : 0;
            response.Number = outcome.Counter;
            response.Succeeded = outcome.Succeeded;
            response.ExpireAtMs = outcome.ExpireAtMs;
            response.RefusalReason = outcome.Status == ShardStatus.Refused ? ShardRefusal.Of(outcome.Reason, request.Header, header).Reason : "";
        }

        return response;
    }

    public async ValueTask<Answered<GetRequestResultResponse>> ForwardAsync(
        Peer peer, Deadline deadline, CancellationToken cancellationToken)
    {
        var sent = request;
        sent.Header ??= new RequestHeader();
        sent.Header.NoForward = true;
        return await PeerCalls.CallAsync(call => peer.Kv.GetRequestResultAsync(sent, call), isWrite: false, deadline, time, cancellationToken);
    }
}
