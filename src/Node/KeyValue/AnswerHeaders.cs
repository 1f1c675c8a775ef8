using KvRaft.Node.Cluster;
using KvRaft.Node.Options;
using KvRaft.Node.Shards;
using KvRaft.V1;

namespace KvRaft.Node.KeyValue;

/// <summary>
/// What every answer says about itself: which replica gave it, in which role and term, which promise was kept, and what the shard's clock showed. The cluster's
/// id is added by unary calls only; a pipe's caller heard it in Hello.
/// </summary>
internal sealed class AnswerHeaders(NodeOptions options, ShardMapHolder map)
{
    private readonly string _self = options.NodeId.Value;

    /// <summary>For a write that was applied at a place in the log.</summary>
    public ResponseHeader OfWrite(ShardReplica replica, Storage.LogPosition position) => new()
    {
        Shard = replica.Shard.Value,
        ServedBy = _self,
        RoleServed = ServedRole.Leader,
        Term = position.Term,
        AppliedIndex = position.Index,
        RingEpoch = map.Current.Epoch.Value,
        ConsistencyDelivered = Consistency.Linearizable,
        DurabilityReached = Durability.QuorumFsync,
        ServerTimeMs = replica.ClockMs,
        ShardVersion = VersionSeen(replica),
    };

    /// <summary>
    /// A version of the shard that includes everything an answer has seen; taken after the write was applied or the data were read. It may be higher than what
    /// was seen: it is committed all the same, so every replica gets there.
    /// </summary>
    public static long VersionSeen(ShardReplica replica) => replica.Store.Revision;

    /// <summary>
    /// For a read of a replica. What a replica has applied is committed, so it is on the disks of a majority, whatever else the read
    /// promises.
    /// </summary>
    public ResponseHeader OfRead(ShardReplica replica, Consistency delivered)
    {
        var applied = replica.Store.Applied;
        return new ResponseHeader
        {
            Shard = replica.Shard.Value,
            ServedBy = _self,
            RoleServed = replica.IsLeader ? ServedRole.Leader : ServedRole.Follower,
            Term = applied.Term,
            AppliedIndex = applied.Index,
            RingEpoch = map.Current.Epoch.Value,
            ConsistencyDelivered = delivered,
            DurabilityReached = Durability.QuorumFsync,
            ServerTimeMs = replica.ClockMs,
        };
    }
}
