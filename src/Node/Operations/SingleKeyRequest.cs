using KvRaft.Node.Hosting;
using KvRaft.Node.Routing;
using KvRaft.Node.Services;
using KvRaft.Node.Shards;
using KvRaft.Topology;
using KvRaft.V1;
using ReadConsistency = KvRaft.V1.ReadOptions.ConsistencyOneofCase;
using StoredKeyspaceId = KvRaft.Storage.Shards.KeyspaceId;

namespace KvRaft.Node.Operations;

/// <summary>One single-key operation on its way to its shard's leader; the same for unary calls and pipes.</summary>
internal readonly struct SingleKeyRequest(
    PipeCall call, KeyspaceDescriptor keyspace, AnswerHeaders headers, DiskGuard disk, TimeProvider time) : IShardRequest<PipeAnswer>
{
    public bool IsWrite => call.IsWrite();

    public ValueTask<Answered<PipeAnswer>> RunAsync(ShardReplica replica, CancellationToken cancellationToken) =>
        IsWrite ? WriteAsync(replica, cancellationToken) : ReadAsync(replica, cancellationToken);

    public async ValueTask<Answered<PipeAnswer>> ForwardAsync(Peer peer, Deadline deadline, CancellationToken cancellationToken)
    {
        var header = call.OwnHeader();
        header.NoForward = true;
        header.TimeoutMs = deadline.MillisecondsToForward(time);
        if (header.TimeoutMs <= 0)
        {
            return Failure.Deadline(Execution.NotExecuted);
        }

        var answered = await peer.Pipe.CallAsync(call, IsWrite, cancellationToken);
        return answered.Answer is { Error: { } error } ? RpcStatus.ToFailure(error) : answered;
    }

    private async ValueTask<Answered<PipeAnswer>> WriteAsync(ShardReplica replica, CancellationToken cancellationToken)
    {
        if (disk.RefusesGrowth && call.NeedsRoom())
        {
            return Failure.DiskFull(disk.FreeBytes, disk.ReserveBytes);
        }

        var command = SingleKeyCommands.ToCommand(call, keyspace, time.GetUtcNow().ToUnixTimeMilliseconds());
        var result = await replica.WriteAsync(command, cancellationToken);
        return result.Outcome is { } outcome
            ? SingleKeyAnswers.OfWrite(call, command, outcome, headers.OfWrite(replica, result.Position))
            : result.Failure!;
    }

    private async ValueTask<Answered<PipeAnswer>> ReadAsync(ShardReplica replica, CancellationToken cancellationToken)
    {
        if (await replica.BarrierAsync(cancellationToken) is { } failure)
        {
            return failure;
        }

        // Whatever weaker promise was asked for, this one keeps it.
        return call.Get.Options is { ConsistencyCase: ReadConsistency.AtLeast } options && replica.Store.Revision < options.AtLeast.Version
            ? Failure.StaleReplica($"shard {replica.Shard} has not given out version {options.AtLeast.Version} yet")
            : Look(replica, Consistency.Linearizable);
    }

    /// <summary>
    /// The answer of a replica that need not lead, if the caller asked for so little that it may; null if the leader has to be
    /// asked.
    /// </summary>
    public PipeAnswer? TryReadHere(ShardReplica? replica)
    {
        if (replica is null || call.OperationCase != PipeCall.OperationOneofCase.Get)
        {
            return null;
        }

        var options = call.Get.Options;
        return options?.ConsistencyCase switch
        {
            ReadConsistency.Any => Look(replica, Consistency.Any),
            ReadConsistency.AtLeast when replica.Store.Revision >= options.AtLeast.Version => Look(replica, Consistency.AtLeast),
            _ => null,
        };
    }

    private PipeAnswer Look(ShardReplica replica, Consistency delivered)
    {
        // The header first: its applied index must not be later than what the read saw.
        var header = headers.OfRead(replica, delivered);
        var found = replica.Store.Get(new StoredKeyspaceId(keyspace.Id.Value), call.Get.Key.Span);
        return SingleKeyAnswers.OfRead(call, found, header);
    }
}
