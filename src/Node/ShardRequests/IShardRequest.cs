using KvRaft.Node.Cluster;
using KvRaft.Node.Requests;
using KvRaft.Node.Shards;

namespace KvRaft.Node.ShardRequests;

/// <summary>
/// A request for one shard, as the router sees it: the router executes it on the leader's replica if that is on this node, or sends it to
/// the node that has the leader. Implementations are structs, so that routing allocates nothing for them.
/// </summary>
internal interface IShardRequest<TAnswer>
    where TAnswer : class
{
    /// <summary>A request that only reads may be repeated after any failure.</summary>
    bool IsWrite { get; }

    /// <summary>Executes it on a replica of this node.</summary>
    ValueTask<Answered<TAnswer>> RunAsync(ShardReplica replica, Deadline deadline, CancellationToken cancellationToken);

    /// <summary>Forwards it to another node, which does not forward it again.</summary>
    ValueTask<Answered<TAnswer>> ForwardAsync(Peer peer, Deadline deadline, CancellationToken cancellationToken);
}
