using KvRaft.Eventual.Coordinators;
using KvRaft.Eventual.Replicas;
using KvRaft.Topology;

namespace KvRaft.Eventual.Repair;

/// <summary>A record, by its key and its hash.</summary>
internal readonly record struct RecordName(EventualKey Key, ulong Hash);

/// <summary>The content of a keyspace on a node, as one root hash per token range.</summary>
/// <param name="Tenure">The tenure of the keyspace on the node just before, as <see cref="Tenure.Word"/>; 0 if the node had no such keyspace.</param>
internal readonly record struct TokenRangeRoots(IReadOnlyList<ulong> Roots, ulong Tenure);

/// <summary>The trees of other nodes. Calls end by the token or by <see cref="PeerException"/>, and may be repeated. Thread-safe.</summary>
internal interface ITreePeers
{
    /// <summary>One hash for each token range, taken after the node has read its tenure.</summary>
    Task<TokenRangeRoots> RootsAsync(NodeId node, KeyspaceId keyspace, CancellationToken cancellationToken);

    /// <summary>One hash for each bucket of a token range.</summary>
    Task<IReadOnlyList<ulong>> BucketsAsync(NodeId node, KeyspaceId keyspace, int range, CancellationToken cancellationToken);

    /// <summary>The records of a bucket after <paramref name="after"/>, in the order of tokens and keys; fewer than a page means the end.</summary>
    Task<(IReadOnlyList<RecordName> Records, bool More)> RecordsAsync(
        NodeId node, KeyspaceId keyspace, int range, int bucket, EventualKey? after, CancellationToken cancellationToken);

    /// <summary>One answer per record: is exactly this record on the disk of the node, and does the node hold the key?</summary>
    Task<IReadOnlyList<bool>> ConfirmKeptAsync(NodeId node, IReadOnlyList<RecordName> records, CancellationToken cancellationToken);

    /// <summary>One answer per tombstone: does the node agree to its removal?</summary>
    Task<IReadOnlyList<bool>> ConfirmAsync(NodeId node, IReadOnlyList<RecordName> tombstones, CancellationToken cancellationToken);

    Task RemoveAsync(NodeId node, IReadOnlyList<RecordName> tombstones, CancellationToken cancellationToken);
}
