using KvRaft.Node.Cluster;
using KvRaft.Node.Options;
using KvRaft.Node.Shards;
using KvRaft.V1;

namespace KvRaft.Node.ShardRequests;

/// <summary>
/// The header of every answer: the replica that answered, its role and term, the consistency that was delivered, and the shard's clock. Only unary calls add the cluster's
/// id; the caller of a pipe received it in Hello.
/// </summary>
internal sealed class AnswerHeaders(NodeOptions options, ShardMapHolder map)
{
    private readonly string _self = options.NodeId.Value;

    /// <summary>The header of a write that was applied at an index of the log.</summary>
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
    /// A version of the shard that includes everything an answer has seen; taken after the write was applied or the data were read. It may be higher than the version
    /// that was seen: it is committed, so every replica reaches it.
    /// </summary>
    public static long VersionSeen(ShardReplica replica) => replica.Store.Revision;

    /// <summary>
    /// The header of a read of a replica. Everything a replica has applied is committed, so it is on the disks of a majority, whatever other consistency the read
    /// delivers.
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
