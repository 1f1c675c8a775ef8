using KvRaft.Node.Requests;
using KvRaft.Node.Shards;
using KvRaft.Storage.Commands;
using KvRaft.Storage.Sessions;
using KvRaft.V1;

namespace KvRaft.Node.ShardRequests;

/// <summary>
/// A refusal that depends on a setting which can change: a limit of the keyspace, or the space on the disk. A write that was applied before the change and is
/// sent again gets its first answer, and not this refusal, which would state that nothing was executed. So the leader looks up the identity first. Apply does not check the setting again: it
/// must not depend on settings, and the session table answers a repeat without executing it.
/// </summary>
internal static class RepeatedWrite
{
    /// <summary>The refusal of a write, or null if it must be proposed: no rule refuses it, or the shard remembers it and apply returns its first answer.</summary>
    public static async ValueTask<Failure?> RefusalAsync(
        Failure? rule, RequestHeader? header, ShardReplica replica, AnswerHeaders headers, CancellationToken cancellationToken)
    {
        if (rule is null || header?.Identity is not { } identity)
        {
            return rule;
        }

        if (await replica.BarrierAsync(cancellationToken) is { } failure)
        {
            return failure;
        }

        return replica.Store.GetRequestResult(CommandFields.ToStamp(identity, replica.Shard)).Knowledge switch
        {
            RequestKnowledge.Remembered => null,
            RequestKnowledge.NotSeen => rule,
            _ => ShardRefusal.Of(RefusalReason.RequestIdExpired, header, headers.OfRead(replica, Consistency.Linearizable)),
        };
    }
}
