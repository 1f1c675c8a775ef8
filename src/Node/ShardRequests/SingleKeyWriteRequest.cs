using KvRaft.Node.Answers;
using KvRaft.Node.Cluster;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Requests;
using KvRaft.Node.Shards;
using KvRaft.Storage.Commands;
using KvRaft.Topology;
using KvRaft.V1;
using StoredKeyspaceId = KvRaft.Storage.Schema.KeyspaceId;

namespace KvRaft.Node.ShardRequests;

/// <summary>One single-key write on its way to its shard's leader; the same for unary calls and pipes.</summary>
/// <param name="command">Its command, with the size of the first attempt as the limit of its answer.</param>
/// <param name="rule">The limit of the keyspace that forbids it, unless it is a repeat of an applied one.</param>
internal readonly struct SingleKeyWriteRequest(
    SingleKeyWrite operation, PipeCall call, ShardCommand command, KeyspaceId keyspace, Failure? rule, AnswerHeaders headers, DiskGuard disk, AnswerRoom room, TimeProvider time)
    : IShardRequest<PipeAnswer>
{
    public bool IsWrite => true;

    public async ValueTask<Answered<PipeAnswer>> RunAsync(ShardReplica replica, Deadline deadline, CancellationToken cancellationToken)
    {
        var forbidden = rule ?? (disk.RefusesGrowth && operation.NeedsRoom ? Failure.DiskFull(disk.FreeBytes, disk.ReserveBytes) : null);
        if (await RepeatedWrite.RefusalAsync(forbidden, operation.HeaderOf(call), replica, headers, cancellationToken) is { } refusal)
        {
            return refusal;
        }

        var attempt = command;
        while (true)
        {
            // The value that it writes again counts like a value in the answer, so that a pipe has no more of them in progress than of answers.
            var bytes = attempt.AnswerBytesMax;
            var written = operation.RewritesValue ? LengthOf(replica) : 0;
            if (await room.Window.TakeAsync(bytes + written, cancellationToken) is { } full)
            {
                return full;
            }

            using var reserved = new AnswerReservation(room.Window, bytes + written);
            var weight = Math.Max(written, operation.ConditionOf(call) is { HasValueSha256Equals: true } ? LengthOf(replica) : 0);
            var result = await replica.WriteAsync(attempt, bytes > ProposalWait.SmallBytesMax ? bytes + weight : weight, deadline, cancellationToken);
            if (result.Outcome is not { } outcome)
            {
                return result.Failure!;
            }

            if (outcome.Reason != RefusalReason.AnswerTooLarge)
            {
                var answer = operation.ToAnswer(call, outcome, headers.OfWrite(replica, result.Position));
                reserved.Keep(operation.HeldBytes(answer));
                return answer;
            }

            if (room.After(bytes, outcome.Affected) is not { } more)
            {
                return room.TooLarge(outcome.Affected);
            }

            attempt = command with { AnswerBytesMax = more };
        }
    }

    public ValueTask<Answered<PipeAnswer>> ForwardAsync(Peer peer, Deadline deadline, CancellationToken cancellationToken) =>
        SingleKeyForward.CallAsync(operation, call, room, peer, deadline, time, cancellationToken);

    /// <summary>Bytes that each replica writes again for a touch, or reads and hashes for a condition on a hash.</summary>
    private int LengthOf(ShardReplica replica) => replica.Store.Read(new StoredKeyspaceId(keyspace.Value), operation.KeyOf(call).Span, valueBytesMax: -1).ValueBytes;
}
