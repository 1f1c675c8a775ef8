using Grpc.Core;
using KvRaft.Eventual.Repair;
using KvRaft.Eventual.Replicas;
using KvRaft.Eventual.Trees;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.EventualKeys;

/// <summary>The calls of other nodes to this node's trees: decode, call, encode.</summary>
internal sealed class EventualTreesService(EventualReplica replica, IReplicaHolders holders, TombstoneSweep tombstones, TokenRangeHandover handover) : EventualTrees.EventualTreesBase
{
    /// <summary>Names of records in one answer: with keys of 4 KiB, the longest, 4 MiB, and usually 50 KiB.</summary>
    private const int PageRecords = 1000;

    /// <summary>Names in one request: nodes request a page at a time; a node of another version may send this many.</summary>
    private const int NamesMax = 10_000;

    public override Task<TokenRangeRootsResponse> Roots(TokenRangeRootsRequest request, ServerCallContext context)
    {
        // In this order: then the roots include everything that was stored under an earlier tenure.
        var tenure = holders.TenureOf(KeyspaceOf(request.Keyspace))?.Word ?? 0;
        return Task.FromResult(new TokenRangeRootsResponse { Tenure = tenure, Roots = { replica.Trees.Roots(KeyspaceOf(request.Keyspace)) } });
    }

    public override Task<TokenRangeBucketsResponse> Buckets(TokenRangeBucketsRequest request, ServerCallContext context) =>
        Task.FromResult(new TokenRangeBucketsResponse { Buckets = { replica.Trees.Buckets(KeyspaceOf(request.Keyspace), Checked(request.TokenRange, LeafPlace.TokenRanges, "range")) } });

    public override Task<BucketKeysResponse> BucketKeys(BucketKeysRequest request, ServerCallContext context)
    {
        var place = new LeafPlace(
            KeyspaceOf(request.Keyspace), Checked(request.TokenRange, LeafPlace.TokenRanges, "range"), Checked(request.Bucket, LeafPlace.Buckets, "bucket"));
        var page = replica.Scan(place.Keyspace, place.Start, place.Last, AfterOf(request, place), PageRecords);
        var response = new BucketKeysResponse { More = page.Count > 0 };
        response.Keys.Add(page.Select(static record => PeerWire.ToWire(new RecordName(record.Key, record.Hash))));
        return Task.FromResult(response);
    }

    public override async Task<ConfirmKeptResponse> ConfirmKept(ConfirmKeptRequest request, ServerCallContext context) => new()
    {
        Kept = { await handover.ConfirmAsync(NamesOf(request.Records), context.CancellationToken) },
    };

    public override async Task<ConfirmTombstonesResponse> ConfirmTombstones(TombstonesRequest request, ServerCallContext context) => new()
    {
        Confirmed = { await tombstones.AgreesAsync(NamesOf(request.Tombstones), context.CancellationToken) },
    };

    public override async Task<RemoveTombstonesResponse> RemoveTombstones(TombstonesRequest request, ServerCallContext context)
    {
        await Task.WhenAll(NamesOf(request.Tombstones)
            .Select(name => replica.WriteAsync(name.Key, new RemoveTombstone(name.Hash), durable: false, context.CancellationToken)));
        return new RemoveTombstonesResponse();
    }

    /// <summary>A position belongs to the bucket for which it was returned.</summary>
    private static EventualKey? AfterOf(BucketKeysRequest request, LeafPlace place) =>
        request.After is null ? null
        : PeerWire.IsKey(request.After) && PeerWire.FromWire(request.After) is var after && LeafPlace.Of(after.Keyspace, after.Token) == place ? after
        : throw RpcStatus.ToException(Failure.Invalid("after", "a key of the requested bucket"));

    private static RecordName[] NamesOf(IReadOnlyList<RecordHash> records) => records.Count <= NamesMax
        ? [.. records.Select(NameOf)]
        : throw RpcStatus.ToException(Failure.Limit(new LimitExceeded("records", "the names in one message between nodes", NamesMax, records.Count)));

    private static RecordName NameOf(RecordHash record) => PeerWire.IsKey(record.Key)
        ? PeerWire.FromWire(record)
        : throw RpcStatus.ToException(Failure.Invalid("records", "a key and a hash each"));

    private static KeyspaceId KeyspaceOf(int keyspace) => keyspace > 0
        ? new KeyspaceId((uint)keyspace)
        : throw RpcStatus.ToException(Failure.Invalid("keyspace", "an id, from 1"));

    private static int Checked(int value, int count, string field) => value >= 0 && value < count
        ? value
        : throw RpcStatus.ToException(Failure.Invalid(field, $"from 0 to {count - 1}"));
}
