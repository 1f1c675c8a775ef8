using KvRaft.Node.Answers;
using KvRaft.Node.Cluster;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Requests;
using KvRaft.Node.Shards;
using KvRaft.Storage.Commands;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.ShardRequests;

/// <summary>A transaction on its way to its shard's leader.</summary>
/// <param name="rule">The limit of the keyspace that forbids it, unless it is a repeat of an applied one.</param>
internal readonly struct TxnShardRequest(
    TxnRequest request, KeyspaceDescriptor keyspace, Failure? rule, AnswerHeaders headers, DiskGuard disk, AnswerRoom room, TimeProvider time) : IShardRequest<TxnResponse>
{
    public bool IsWrite => true;

    public async ValueTask<Answered<TxnResponse>> RunAsync(ShardReplica replica, Deadline deadline, CancellationToken cancellationToken)
    {
        var hashed = TxnCommands.HashedBytes(request, keyspace, replica.Store);
        var forbidden = rule
            ?? (disk.RefusesGrowth && TxnCommands.NeedsRoom(request) ? Failure.DiskFull(disk.FreeBytes, disk.ReserveBytes) : null)
            ?? (hashed > ShardLimits.TxnHashedBytesMax ? TooMuchToHash(hashed) : null);
        if (await RepeatedWrite.RefusalAsync(forbidden, request.Header, replica, headers, cancellationToken) is { } refusal)
        {
            return refusal;
        }

        // A repeat of an applied transaction hashes nothing.
        hashed = Math.Min(hashed, ShardLimits.TxnHashedBytesMax);
        var bytes = FirstRoom;
        while (true)
        {
            if (await room.Window.TakeAsync(bytes, cancellationToken) is { } full)
            {
                return full;
            }

            using var reserved = new AnswerReservation(room.Window, bytes);
            var command = TxnCommands.ToCommand(request, keyspace, replica.Shard) with { AnswerBytesMax = bytes };
            var result = await replica.WriteAsync(command, (int)hashed + (bytes > ProposalWait.SmallBytesMax ? bytes : 0), deadline, cancellationToken);
            if (result.Outcome is not { } outcome)
            {
                return result.Failure!;
            }

            if (outcome.Status != ShardStatus.Refused)
            {
                var response = TxnCommands.ToResponse(outcome, headers.OfWrite(replica, result.Position));
                reserved.Keep(TxnCommands.HeldBytes(response));
                return response;
            }

            if (outcome.Reason != RefusalReason.AnswerTooLarge)
            {
                return ShardRefusal.Of(outcome.Reason, request.Header, headers.OfWrite(replica, result.Position));
            }

            if (room.After(bytes, 0) is not { } more)
            {
                return room.TooLarge(outcome.Affected);
            }

            bytes = more;
        }
    }

    private static Failure TooMuchToHash(long bytes) => Failure.Limit(new Options.LimitExceeded(
        "compares", "bytes of the values that a transaction compares by hash (fixed)", ShardLimits.TxnHashedBytesMax, bytes));

    private int FirstRoom => TxnCommands.AnswersValues(request) ? room.First : 0;

    public async ValueTask<Answered<TxnResponse>> ForwardAsync(Peer peer, Deadline deadline, CancellationToken cancellationToken)
    {
        var sent = request;
        sent.Header ??= new RequestHeader();
        sent.Header.NoForward = true;
        var bytes = FirstRoom;
        while (true)
        {
            if (await room.Window.TakeAsync(bytes, cancellationToken) is { } full)
            {
                return full;
            }

            using var reserved = new AnswerReservation(room.Window, bytes);
            sent.Header.AnswerBytesMax = bytes;
            var answered = await PeerCalls.CallAsync(call => peer.Kv.TxnAsync(sent, call), isWrite: true, deadline, time, cancellationToken);
            if (AnswerRoom.NeededBy(answered.Failure) is not { } needed)
            {
                reserved.Keep(answered.Answer is { } answer ? TxnCommands.HeldBytes(answer) : 0);
                return answered;
            }

            if (room.After(bytes, 0) is not { } more)
            {
                return room.TooLarge(needed);
            }

            bytes = more;
        }
    }
}
