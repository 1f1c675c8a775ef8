using KvRaft.Node.Hosting;
using KvRaft.Node.Routing;
using KvRaft.Node.Shards;
using KvRaft.Storage.Shards;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Operations;

/// <summary>A transaction on its way to its shard's leader.</summary>
internal readonly struct TxnShardRequest(
    TxnRequest request, KeyspaceDescriptor keyspace, AnswerHeaders headers, DiskGuard disk, TimeProvider time) : IShardRequest<TxnResponse>
{
    public bool IsWrite => true;

    public async ValueTask<Answered<TxnResponse>> RunAsync(ShardReplica replica, Deadline deadline, CancellationToken cancellationToken)
    {
        if (disk.RefusesGrowth && TxnCommands.NeedsRoom(request))
        {
            return Failure.DiskFull(disk.FreeBytes, disk.ReserveBytes);
        }

        var command = TxnCommands.ToCommand(request, keyspace, replica.Shard);
        var result = await replica.WriteAsync(command, deadline, cancellationToken);
        if (result.Outcome is not { } outcome)
        {
            return result.Failure!;
        }

        return outcome.Status == ShardStatus.Refused
            ? SingleKeyAnswers.OfRefusal(outcome.Reason, request.Header, headers.OfWrite(replica, result.Position))
            : TxnCommands.ToResponse(outcome, headers.OfWrite(replica, result.Position));
    }

    public async ValueTask<Answered<TxnResponse>> ForwardAsync(Peer peer, Deadline deadline, CancellationToken cancellationToken)
    {
        var sent = request;
        sent.Header ??= new RequestHeader();
        sent.Header.NoForward = true;
        return await PeerCalls.CallAsync(call => peer.Kv.TxnAsync(sent, call), isWrite: true, deadline, time, cancellationToken);
    }
}
