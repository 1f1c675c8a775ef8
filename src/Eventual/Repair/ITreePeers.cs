using KvRaft.Eventual.Coordinators;
using KvRaft.Eventual.Replicas;
using KvRaft.Topology;

namespace KvRaft.Eventual.Repair;

/// <summary>A record by its name and its hash.</summary>
internal readonly record struct RecordName(EventualKey Key, ulong Hash);

/// <summary>What a node holds of a keyspace, arc by arc.</summary>
/// <param name="Tenure">Under what it kept the keyspace just before, as <see cref="Tenure.Word"/>; 0: it did not know it.</param>
internal readonly record struct ArcRoots(IReadOnlyList<ulong> Roots, ulong Tenure);

/// <summary>The trees of other nodes. Calls end by the token or by <see cref="PeerException"/>, and may be repeated. Thread-safe.</summary>
internal interface ITreePeers
{
    /// <summary>One hash for each arc, taken after the node has named the tenure.</summary>
    Task<ArcRoots> RootsAsync(NodeId node, KeyspaceId keyspace, CancellationToken cancellationToken);

    /// <summary>One hash for each bucket of an arc.</summary>
    Task<IReadOnlyList<ulong>> BucketsAsync(NodeId node, KeyspaceId keyspace, int arc, CancellationToken cancellationToken);

    /// <summary>The records of a bucket, in the order of tokens and keys, behind <paramref name="after"/>; fewer than a page means the end.</summary>
    Task<(IReadOnlyList<RecordName> Records, bool More)> RecordsAsync(
        NodeId node, KeyspaceId keyspace, int arc, int bucket, EventualKey? after, CancellationToken cancellationToken);

    /// <summary>One answer for each: is it on the node's disk, exactly so, and does the node keep the key?</summary>
    Task<IReadOnlyList<bool>> ConfirmKeptAsync(NodeId node, IReadOnlyList<RecordName> records, CancellationToken cancellationToken);

    /// <summary>One answer for each: does the node agree that the tombstone may go?</summary>
    Task<IReadOnlyList<bool>> ConfirmAsync(NodeId node, IReadOnlyList<RecordName> tombstones, CancellationToken cancellationToken);

    Task RemoveAsync(NodeId node, IReadOnlyList<RecordName> tombstones, CancellationToken cancellationToken);
}
