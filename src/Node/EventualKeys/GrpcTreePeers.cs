using KvRaft.Eventual.Repair;
using KvRaft.Eventual.Replicas;
using KvRaft.Eventual.Trees;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.EventualKeys;

/// <summary>The trees of other nodes, over gRPC.</summary>
internal sealed class GrpcTreePeers(PeerCaller peers) : ITreePeers
{
    public async Task<TokenRangeRoots> RootsAsync(NodeId node, KeyspaceId keyspace, CancellationToken cancellationToken)
    {
        var response = await peers.CallAsync(node, peer => peer.EventualTrees.RootsAsync(
            new TokenRangeRootsRequest { Keyspace = (int)keyspace.Value }, cancellationToken: cancellationToken));
        return new TokenRangeRoots(PeerWire.Counted(response.Roots, LeafPlace.TokenRanges, node), response.Tenure);
    }

    public async Task<IReadOnlyList<ulong>> BucketsAsync(NodeId node, KeyspaceId keyspace, int range, CancellationToken cancellationToken)
    {
        var response = await peers.CallAsync(node, peer => peer.EventualTrees.BucketsAsync(
            new TokenRangeBucketsRequest { Keyspace = (int)keyspace.Value, TokenRange = range }, cancellationToken: cancellationToken));
        return PeerWire.Counted(response.Buckets, LeafPlace.Buckets, node);
    }

    public async Task<(IReadOnlyList<RecordName> Records, bool More)> RecordsAsync(
        NodeId node, KeyspaceId keyspace, int range, int bucket, EventualKey? after, CancellationToken cancellationToken)
    {
        var request = new BucketKeysRequest
        {
            Keyspace = (int)keyspace.Value,
            TokenRange = range,
            Bucket = bucket,
            After = after is { } key ? PeerWire.ToWire(key) : null,
        };
        var response = await peers.CallAsync(node, peer => peer.EventualTrees.BucketKeysAsync(request, cancellationToken: cancellationToken));
        return ([.. response.Keys.Select(PeerWire.FromWire)], response.More);
    }

    public async Task<IReadOnlyList<bool>> ConfirmKeptAsync(NodeId node, IReadOnlyList<RecordName> records, CancellationToken cancellationToken)
    {
        var request = new ConfirmKeptRequest { Records = { records.Select(PeerWire.ToWire) } };
        return (await peers.CallAsync(node, peer => peer.EventualTrees.ConfirmKeptAsync(request, cancellationToken: cancellationToken))).Kept;
    }

    public async Task<IReadOnlyList<bool>> ConfirmAsync(NodeId node, IReadOnlyList<RecordName> tombstones, CancellationToken cancellationToken)
    {
        var request = new TombstonesRequest { Tombstones = { tombstones.Select(PeerWire.ToWire) } };
        return (await peers.CallAsync(node, peer => peer.EventualTrees.ConfirmTombstonesAsync(request, cancellationToken: cancellationToken))).Confirmed;
    }

    public Task RemoveAsync(NodeId node, IReadOnlyList<RecordName> tombstones, CancellationToken cancellationToken)
    {
        var request = new TombstonesRequest { Tombstones = { tombstones.Select(PeerWire.ToWire) } };
        return peers.CallAsync(node, peer => peer.EventualTrees.RemoveTombstonesAsync(request, cancellationToken: cancellationToken));
    }
}
