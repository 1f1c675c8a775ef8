using KvRaft.Node.Hosting;
using KvRaft.Node.Routing;
using KvRaft.Node.Services;
using KvRaft.Node.Shards;
using KvRaft.Storage.Shards;
using KvRaft.Topology;
using KvRaft.V1;
using StoredKeyspaceId = KvRaft.Storage.Shards.KeyspaceId;

namespace KvRaft.Node.Operations;

/// <summary>One single-key operation on its way to its shard's leader; the same for unary calls and pipes.</summary>
internal readonly struct SingleKeyRequest(
    PipeCall call, KeyspaceDescriptor keyspace, AnswerHeaders headers, DiskGuard disk, TimeProvider time) : IShardRequest<PipeAnswer>
{
    public bool IsWrite => call.IsWrite();

    public ValueTask<Answered<PipeAnswer>> RunAsync(ShardReplica replica, Deadline deadline, CancellationToken cancellationToken) =>
        IsWrite ? WriteAsync(replica, deadline, cancellationToken) : ReadAsync(replica, cancellationToken);

    public async ValueTask<Answered<PipeAnswer>> ForwardAsync(Peer peer, Deadline deadline, CancellationToken cancellationToken)
    {
        var header = call.OwnHeader();
        header.NoForward = true;
        header.TimeoutMs = deadline.MillisecondsToForward(time);
        if (header.TimeoutMs <= 0)
        {
            return Failure.Deadline(Execution.NotExecuted);
        }

        var begun = time.GetTimestamp();
        var answered = await peer.Pipe.CallAsync(call, IsWrite, cancellationToken);
        AnswerAge.Add(answered.Answer?.Get?.Header, time.GetElapsedTime(begun));
        return answered.Answer is { Error: { } error } ? RpcStatus.ToFailure(error) : answered;
    }

    private async ValueTask<Answered<PipeAnswer>> WriteAsync(ShardReplica replica, Deadline deadline, CancellationToken cancellationToken)
    {
        if (disk.RefusesGrowth && call.NeedsRoom())
        {
            return Failure.DiskFull(disk.FreeBytes, disk.ReserveBytes);
        }

        var command = SingleKeyCommands.ToCommand(call, keyspace, replica.Shard);
        var result = await replica.WriteAsync(command, deadline, cancellationToken);
        return result.Outcome is { } outcome
            ? SingleKeyAnswers.OfWrite(call, outcome, headers.OfWrite(replica, result.Position))
            : result.Failure!;
    }

    private async ValueTask<Answered<PipeAnswer>> ReadAsync(ShardReplica replica, CancellationToken cancellationToken)
    {
        if (await replica.BarrierAsync(cancellationToken) is { } failure)
        {
            return failure;
        }

        if (ReadGate.CheckLeader(replica, call.Get.Options) is { } stale)
        {
            return stale;
        }

        // A key whose time has passed by the clock this leader runs is not shown, and is made to be gone for whoever leads next.
        if (IsOver(replica, Find(replica)) && await replica.PassTimeAsync(cancellationToken) is { } overdue)
        {
            return overdue;
        }

        return Answer(replica, Consistency.Linearizable);
    }

    /// <summary>
    /// The answer of this node's replica, if the caller asked for so little that it may answer; null if the leader has to be asked.
    /// </summary>
    public async ValueTask<PipeAnswer?> TryReadHereAsync(ShardReplica? replica, Deadline deadline)
    {
        var permit = await ReadGate.TryNearAsync(replica, call.Get.Options, deadline, time);
        if (permit is not { } promise)
        {
            return null;
        }

        var answer = Answer(replica!, promise.Delivered);
        return promise.AgeMax is { } ageMax && !(answer.Get.Header.StalenessMs <= ageMax.TotalMilliseconds) ? null : answer;
    }

    private PipeAnswer Answer(ShardReplica replica, Consistency delivered)
    {
        // The header first: neither its applied index nor the moment from which its age counts may be later than what the read saw.
        var header = headers.OfRead(replica, delivered);
        var asOf = replica.AsOf;
        var found = Find(replica);
        header.ShardVersion = AnswerHeaders.VersionSeen(replica);

        // The leader has moved the shard's clock; a replica that may lag shows what the clock allows as far as it knows it.
        var answer = SingleKeyAnswers.OfRead(call, delivered != Consistency.Linearizable && IsOver(replica, found) ? null : found, header);
        header.StalenessMs = AnswerAge.Of(delivered, replica.AgeOf(asOf));
        return answer;
    }

    private StoredValue? Find(ShardReplica replica) => replica.Store.Get(new StoredKeyspaceId(keyspace.Id.Value), call.Get.Key.Span);

    private static bool IsOver(ShardReplica replica, StoredValue? found) => found is { } value && !value.IsVisibleAt(replica.ClockMs);
}
