using KvRaft.Node.Answers;
using KvRaft.Node.Cluster;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Node.Routing;
using KvRaft.Node.ShardRequests;
using KvRaft.Node.Shards;
using KvRaft.Node.Telemetry;
using KvRaft.Topology;
using KvRaft.V1;
using KeyspaceMode = KvRaft.Topology.KeyspaceMode;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.KeyValue;

/// <summary>
/// The path of every single-key operation (<see cref="OperationTable"/>), unary or from a pipe: check, send to its shard, answer. There is
/// always an answer; if something failed, the answer has the error. Thread-safe.
/// </summary>
internal sealed class SingleKeyOperations(
    RequestRouter router, KeyspaceLookup keyspaces, ShardTable shards, AnswerHeaders headers, DiskGuard disk, NodeOptions options, ClusterTimeProvider clusterTime,
    ILogger<SingleKeyOperations> logger)
{
    private readonly Limits _limits = options.Limits;

    /// <summary>
    /// The bytes that a call holds while it is in progress: its size on the wire. Key and value are most of it in a usual call, but any field of a message may be as long as the
    /// message.
    /// </summary>
    public static int WireBytes(PipeCall call) => call.CalculateSize();

    /// <param name="call">The operation.</param>
    /// <param name="deadline">When to abandon it.</param>
    /// <param name="window">
    /// Counts the values of the answer. When this method returns, the answer's <see cref="OperationTable.HeldBytes"/> are taken, and the caller
    /// must release them when the answer was sent.
    /// </param>
    public async ValueTask<PipeAnswer> AnswerAsync(PipeCall call, Deadline deadline, AnswerWindow window)
    {
        try
        {
            var answered = await AnswerCheckedAsync(OperationTable.Of(call), call, deadline, window);
            return answered.Answer ?? Refuse(call, answered.Failure!, window);
        }
        catch (Exception error)
        {
            // A fault of this node, or of the disk under one replica. The caller of the one operation in a pipe must receive it, and
            // the other operations must not fail.
            logger.RequestFaulted(error, call.OperationCase.ToString());
            return Refuse(call, Faults.ToFailure(error, OperationTable.Of(call).IsWrite), window);
        }
    }

    /// <summary>A refusal is there already, so it is counted and not refused again.</summary>
    private static PipeAnswer Refuse(PipeCall call, Failure failure, AnswerWindow window)
    {
        var answer = SingleKeyOperation.ToAnswer(call, failure);
        window.Charge(OperationTable.HeldBytes(answer));
        return answer;
    }

    private async ValueTask<Answered<PipeAnswer>> AnswerCheckedAsync(SingleKeyOperation operation, PipeCall call, Deadline deadline, AnswerWindow window)
    {
        if (operation.Check(call, _limits) is { } mistake)
        {
            return mistake;
        }

        if (operation is SingleKeyRead asked && SessionCheck.Check(asked.OptionsOf(call), options.ClusterId) is { } session)
        {
            return session;
        }

        var found = await keyspaces.FindAsync(operation.HeaderOf(call), KeyspaceMode.Strong, deadline);
        if (found.Keyspace is not { } keyspace)
        {
            return found.Failure!;
        }

        var shard = found.View.Map!.ShardOf(keyspace, operation.KeyOf(call).Span);
        var room = AnswerRoom.Of(operation.HeaderOf(call), window, _limits);
        if (operation is not SingleKeyRead read)
        {
            return await WriteAsync((SingleKeyWrite)operation, call, keyspace, shard, room, deadline);
        }

        var request = new SingleKeyReadRequest(read, call, keyspace.Id, headers, room, router.Time);
        var near = await request.TryReadHereAsync(shards.Find(shard), deadline, router.TokenOf(deadline));
        return near is { Answer: null, Failure: null }
            ? await router.RouteAsync<PipeAnswer, SingleKeyReadRequest>(request, shard, NoForward(read, call), deadline)
            : near;
    }

    /// <summary>Not asynchronous itself: one allocation less on the way of every write.</summary>
    private ValueTask<Answered<PipeAnswer>> WriteAsync(SingleKeyWrite write, PipeCall call, KeyspaceDescriptor keyspace, ShardId shard, AnswerRoom room, Deadline deadline)
    {
        // The limits of the keyspace may have changed since the write was applied, so the leader first looks up a write with an identity.
        var rule = write.CheckIn(keyspace, call, keyspace.TtlMaxMs > 0 ? clusterTime.GetUtcNow().ToUnixTimeMilliseconds() : 0);
        if (rule is not null && write.HeaderOf(call)?.Identity is null)
        {
            return new(rule);
        }

        var command = write.ToCommand(call, keyspace, shard, answerBytesMax: write.AnswersValue(call) ? room.First : 0);
        var request = new SingleKeyWriteRequest(write, call, command, keyspace.Id, rule, headers, disk, room, router.Time);
        return router.RouteAsync<PipeAnswer, SingleKeyWriteRequest>(request, shard, NoForward(write, call), deadline);
    }

    private static bool NoForward(SingleKeyOperation operation, PipeCall call) => operation.HeaderOf(call) is { NoForward: true };
}
