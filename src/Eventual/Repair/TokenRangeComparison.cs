using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Coordinators;
using KvRaft.Eventual.Replicas;
using KvRaft.Eventual.Trees;
using KvRaft.Topology;

namespace KvRaft.Eventual.Repair;

/// <summary>
/// Makes one token range equal on this node and on one other node: it finds the buckets that differ, the keys in them that differ, and stores the merge of both
/// states on both sides. If the other node does not hold the token range, it stores the merge only here. It never decides by which side is newer. Any step may
/// fail and be repeated.
/// </summary>
internal sealed class TokenRangeComparison(EventualReplica replica, ITreePeers trees, IReplicaPeers peers, RepairOptions options, TimeProvider time)
{
    /// <summary>Records of one scan of a local bucket.</summary>
    private const int PageRecords = 1024;

    /// <param name="pulls">Fetch only; send nothing to the other node.</param>
    /// <returns>Keys made equal.</returns>
    /// <exception cref="PeerException">The other node did not answer.</exception>
    public async Task<int> RunAsync(NodeId other, KeyspaceId keyspace, int range, bool pulls, CancellationToken cancellationToken)
    {
        var repaired = 0;
        var theirs = await trees.BucketsAsync(other, keyspace, range, cancellationToken).ConfigureAwait(false);
        foreach (var bucket in TokenRangeTree.Differences(replica.Trees.Buckets(keyspace, range), theirs).ToArray())
        {
            foreach (var step in (await DifferencesAsync(other, new LeafPlace(keyspace, range, bucket), pulls, cancellationToken).ConfigureAwait(false)).Chunk(options.KeysPerStep))
            {
                var startedAt = time.GetTimestamp();
                await Task.WhenAll(step.Select(key => MeetAsync(other, key, pulls, cancellationToken))).ConfigureAwait(false);
                repaired += step.Length;
                await Task.Delay(time.GetElapsedTime(startedAt), time, cancellationToken).ConfigureAwait(false);
            }
        }

        return repaired;
    }

    private async Task<List<EventualKey>> DifferencesAsync(NodeId other, LeafPlace place, bool pulls, CancellationToken cancellationToken)
    {
        var ours = Ours(place);
        var differing = new List<EventualKey>();
        EventualKey? after = null;
        for (var more = true; more;)
        {
            (var page, more) = await trees.RecordsAsync(other, place.Keyspace, place.TokenRange, place.Bucket, after, cancellationToken).ConfigureAwait(false);
            foreach (var (key, hash) in page)
            {
                if (LeafPlace.Of(key.Keyspace, key.Token) != place || (after is { } last && RecordLayout.Compare(last, key) >= 0))
                {
                    throw new PeerException($"node {other} sent keys of another bucket, or out of order");
                }

                if (!ours.Remove(key, out var own) || own != hash)
                {
                    differing.Add(key);
                }

                after = key;
            }

            more &= page.Count > 0;
        }

        differing.AddRange(pulls ? [] : ours.Keys);
        return differing;
    }

    private Dictionary<EventualKey, ulong> Ours(LeafPlace place)
    {
        var ours = new Dictionary<EventualKey, ulong>();
        EventualKey? after = null;
        while (replica.Scan(place.Keyspace, place.Start, place.Last, after, PageRecords) is { Count: > 0 } page)
        {
            foreach (var record in page)
            {
                ours[record.Key] = record.Hash;
                after = record.Key;
            }
        }

        return ours;
    }

    private async Task MeetAsync(NodeId other, EventualKey key, bool pulls, CancellationToken cancellationToken)
    {
        var (theirs, _) = await peers.FetchAsync(other, key, room: null, cancellationToken).ConfigureAwait(false);
        var merged = theirs.IsEmpty ? replica.Read(key) : await TakeAsync(key, theirs, cancellationToken).ConfigureAwait(false);
        if (!pulls && !merged.Equals(theirs))
        {
            await peers.StoreAsync(other, key, merged, null, durable: true, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <exception cref="EventualFormatException">The local record is damaged, or the merged state is larger than a record may be.</exception>
    private async Task<SiblingSet> TakeAsync(EventualKey key, SiblingSet theirs, CancellationToken cancellationToken)
    {
        var (end, state) = await replica.WriteAsync(key, new TakeState(theirs, null), durable: true, cancellationToken).ConfigureAwait(false);
        return end == WriteEnd.Applied ? state : throw new EventualFormatException("The merged state is larger than a record may be.");
    }
}
