using KvRaft.Node.Routing;
using KvRaft.Node.Shards;
using KvRaft.Storage.Shards;
using KvRaft.V1;
using State = KvRaft.V1.GetRequestResultResponse.Types.State;

namespace KvRaft.Node.Operations;

/// <summary>The question what became of a write, on its way to the shard that would remember it.</summary>
internal readonly struct RequestResultShardRequest(GetRequestResultRequest request, AnswerHeaders headers, TimeProvider time)
    : IShardRequest<GetRequestResultResponse>
{
    public bool IsWrite => false;

    public async ValueTask<Answered<GetRequestResultResponse>> RunAsync(ShardReplica replica, CancellationToken cancellationToken)
    {
        if (await replica.BarrierAsync(cancellationToken) is { } failure)
        {
            return failure;
        }

        var stamp = SingleKeyCommands.ToStamp(request.Identity);
        var outcome = replica.Store.GetRequestResult(stamp.Client, stamp.Sequence);
        return new GetRequestResultResponse
        {
            Header = headers.OfRead(replica, Consistency.Linearizable),
            State = outcome is null ? State.NotSeen : State.Executed,
            Applied = outcome is { Status: ShardStatus.Applied },
            Version = outcome is { Status: ShardStatus.Applied } ? outcome.Version : 0,
        };
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
