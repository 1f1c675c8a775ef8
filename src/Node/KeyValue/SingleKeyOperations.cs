using KvRaft.Node.Answers;
using KvRaft.Node.Cluster;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Node.Routing;
using KvRaft.Node.ShardRequests;
using KvRaft.Node.Shards;
using KvRaft.Node.Telemetry;
using KvRaft.V1;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.KeyValue;

/// <summary>
/// The path of every get, put, delete, increment and touch, from either service: check, send to its shard, answer. There is
/// always an answer; if something failed, the answer has the error. Thread-safe.
/// </summary>
internal sealed class SingleKeyOperations(
    RequestRouter router, KeyspaceLookup keyspaces, ShardTable shards, AnswerHeaders headers, DiskGuard disk, NodeOptions options, ClusterTimeProvider clusterTime,
    ILogger<SingleKeyOperations> logger)
{
    private readonly Limits _limits = options.Limits;

    /// <param name="call">The operation.</param>
    /// <param name="deadline">When to abandon it.</param>
    /// <param name="window">
    /// Counts the values of the answer. When this method returns, the answer's <see cref="SingleKeyAnswers.HeldBytes"/> are taken, and the caller
    /// must release them when the answer was sent.
    /// </param>
    public async ValueTask<PipeAnswer> AnswerAsync(PipeCall call, Deadline deadline, AnswerWindow window)
    {
        try
        {
            var answered = await AnswerCheckedAsync(call, deadline, window);
            return answered.Answer ?? Refuse(call, answered.Failure!, window);
        }
        catch (Exception error)
        {
            // A fault of this node, or of the disk under one replica. The caller of the one operation in a pipe must receive it, and
            // the other operations must not fail.
            logger.RequestFaulted(error, call.OperationCase.ToString());
            return Refuse(call, Faults.ToFailure(error, call.IsWrite()), window);
        }
    }

    /// <summary>A refusal is there already, so it is counted and not refused again.</summary>
    private static PipeAnswer Refuse(PipeCall call, Failure failure, AnswerWindow window)
    {
        var answer = SingleKeyAnswers.OfFailure(call.CorrelationId, failure);
        window.Charge(SingleKeyAnswers.HeldBytes(answer));
        return answer;
    }

    private async ValueTask<Answered<PipeAnswer>> AnswerCheckedAsync(PipeCall call, Deadline deadline, AnswerWindow window)
    {
        if (RequestCheck.SingleKey(call, _limits) is { } failure)
        {
            return failure;
        }

        if (call.Get is { Options: { } asked } && SessionCheck.Check(asked, options.ClusterId) is { } session)
        {
            return session;
        }

        var found = await keyspaces.FindAsync(call.Header(), Topology.KeyspaceMode.Strong, deadline);
        if (found.Keyspace is not { } keyspace)
        {
            return found.Failure!;
        }

        // The limits of the keyspace may have changed since the write was applied, so the leader first looks up a write with an identity.
        var rule = KeyspaceRule(call, keyspace);
        if (rule is not null && call.Header()?.Identity is null)
        {
            return rule;
        }

        var shard = found.View.Map!.ShardOf(keyspace, call.Key().Span);
        var request = new SingleKeyRequest(call, keyspace, rule, headers, disk, AnswerRoom.Of(call.Header(), window, _limits), router.Time);
        if (!request.IsWrite)
        {
            var near = await request.TryReadHereAsync(shards.Find(shard), deadline, router.TokenOf(deadline));
            if (near.Answer is { } answer)
            {
                return answer;
            }

            if (near.Failure is { } refused)
            {
                return refused;
            }
        }

        var noForward = call.Header() is { NoForward: true };
        return await router.RouteAsync<PipeAnswer, SingleKeyRequest>(request, shard, noForward, deadline);
    }

    private Failure? KeyspaceRule(PipeCall call, Topology.KeyspaceDescriptor keyspace) =>
        (call.Put is { } put ? RequestCheck.ValueIn(keyspace, put.Value) : null)
        ?? (keyspace.TtlMaxMs > 0
            ? RequestCheck.ExpiryIn(keyspace, RequestCheck.OptionsOf(call), "options", clusterTime.GetUtcNow().ToUnixTimeMilliseconds())
            : null);
}
