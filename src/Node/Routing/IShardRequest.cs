using KvRaft.Node.Cluster;
using KvRaft.Node.Requests;
using KvRaft.Node.Shards;

namespace KvRaft.Node.Routing;

/// <summary>
/// A request for one shard, as the router sees it: it can be carried out on the leader's replica when that is here, or sent to
/// the node where it is. Implementations are structs, so that routing allocates nothing for them.
/// </summary>
internal interface IShardRequest<TAnswer>
    where TAnswer : class
{
    /// <summary>A request that only reads may be repeated whatever became of it.</summary>
    bool IsWrite { get; }

    /// <summary>Carries it out on a replica of this node.</summary>
    ValueTask<Answered<TAnswer>> RunAsync(ShardReplica replica, Deadline deadline, CancellationToken cancellationToken);

    /// <summary>Has another node carry it out. That node does not pass it on.</summary>
    ValueTask<Answered<TAnswer>> ForwardAsync(Peer peer, Deadline deadline, CancellationToken cancellationToken);
}
