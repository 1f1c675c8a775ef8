using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Coordinators;
using KvRaft.Eventual.Replicas;
using KvRaft.Eventual.Trees;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Eventual.Repair;

/// <summary>
/// One round of anti-entropy: for every keyspace, the roots of this node's arcs are compared with those of the other nodes that keep them; where they
/// differ, <see cref="ArcComparison"/> brings them together. Records of arcs that this node does not keep (it stood in for somebody, and the hint was
/// dropped; or the ring changed) are handed to all who do, and removed here when each of them has the record on its disk and says that it keeps it. So
/// arcs change their nodes while writes go on: the new node has each record before the old one drops it. One caller at a time.
/// </summary>
internal sealed class RepairRounds(
    EventualReplica replica, IKeyOwners owners, ITreePeers trees, IReplicaPeers peers, PeerSuspicion suspicion, RepairLedger ledger, RepairOptions options, TimeProvider time)
{
    private readonly ArcComparison _comparison = new(replica, trees, peers, options, time);

    /// <exception cref="StorageException">This node's own disk failed, or the store is closing.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        // Taken before, so that one made meanwhile is none of those that were compared.
        var (keyspaces, metAll) = (owners.Keyspaces, true);
        foreach (var keyspace in keyspaces)
        {
            var failures = new Dictionary<int, string>();
            foreach (var other in owners.Nodes.Where(node => node != owners.Self))
            {
                metAll &= await TryCompareAsync(keyspace, other, failures, cancellationToken).ConfigureAwait(false);
            }

            await NoteAsync(keyspace, failures, cancellationToken).ConfigureAwait(false);
        }

        if (metAll && replica.IsBorn && !keyspaces.All(replica.IsWhole))
        {
            await replica.IsWholeFromAsync(default, cancellationToken).ConfigureAwait(false);
        }

        ledger.RoundDone();
    }

    /// <returns>True if afterwards this node has everything the other one has.</returns>
    private async Task<bool> TryCompareAsync(KeyspaceId keyspace, NodeId other, Dictionary<int, string> failures, CancellationToken cancellationToken)
    {
        var common = Enumerable.Range(0, LeafPlace.Arcs).Where(arc => IsKept(keyspace, arc, owners.Self) && IsKept(keyspace, arc, other)).ToArray();
        if (common.Length == 0)
        {
            return true;
        }

        try
        {
            if (!suspicion.MayAsk(other))
            {
                throw new PeerException($"node {other} does not answer");
            }

            var theirs = await WithPatienceAsync(patience => trees.RootsAsync(other, keyspace, patience), cancellationToken).ConfigureAwait(false);
            suspicion.Answered(other);
            var ours = replica.Trees.Roots(keyspace);
            foreach (var arc in common.Where(arc => ours[arc] != theirs[arc]))
            {
                ledger.Repaired(keyspace, arc, await _comparison.RunAsync(other, keyspace, arc, cancellationToken).ConfigureAwait(false));
                failures.TryAdd(arc, $"differed from node {other}; repaired");
            }

            return true;
        }
        catch (Exception failed) when (failed is PeerException or EventualFormatException || (failed is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            suspicion.Failed(other);
            foreach (var arc in common)
            {
                failures.TryAdd(arc, failed.Message);
            }

            return false;
        }
    }

    /// <summary>Arcs that nobody differed in are equal; what lies in arcs of others goes to them.</summary>
    private async Task NoteAsync(KeyspaceId keyspace, Dictionary<int, string> failures, CancellationToken cancellationToken)
    {
        var roots = replica.Trees.Roots(keyspace);
        var nowMs = time.GetUtcNow().ToUnixTimeMilliseconds();
        for (var arc = 0; arc < LeafPlace.Arcs; arc++)
        {
            if (!IsKept(keyspace, arc, owners.Self))
            {
                if (roots[arc] != 0)
                {
                    await HandOverAsync(keyspace, arc, cancellationToken).ConfigureAwait(false);
                }
            }
            else if (failures.TryGetValue(arc, out var error))
            {
                ledger.Failed(keyspace, arc, error);
            }
            else
            {
                ledger.Equal(keyspace, arc, nowMs);
            }
        }
    }

    private async Task HandOverAsync(KeyspaceId keyspace, int arc, CancellationToken cancellationToken)
    {
        if (owners.ListOf(keyspace, arc) is not { } list)
        {
            return;
        }

        var (first, last) = (new LeafPlace(keyspace, arc, 0).Start, new LeafPlace(keyspace, arc, LeafPlace.Buckets - 1).Last);
        EventualKey? after = null;
        while (replica.Scan(keyspace, first, last, after, options.KeysPerStep) is { Count: > 0 } page)
        {
            foreach (var record in page)
            {
                after = record.Key;

                // What is owed to somebody by name goes that way first.
                if (!replica.Hints.Has(record.Key) && !await TryHandOverAsync(record, list, cancellationToken).ConfigureAwait(false))
                {
                    return;
                }
            }
        }
    }

    private async Task<bool> TryHandOverAsync(FoundRecord record, PreferenceList list, CancellationToken cancellationToken)
    {
        try
        {
            var state = SiblingSetCodec.Decode(record.State);
            foreach (var node in list.Primaries.ToArray())
            {
                var keeps = await WithPatienceAsync(
                    patience => peers.StoreAsync(node, record.Key, state, null, durable: true, patience), cancellationToken).ConfigureAwait(false);
                if (!keeps)
                {
                    // It has not heard yet that it does. Whoever drops a record to one who would drop it too loses it.
                    return false;
                }
            }

            var stray = new RemoveStray(record.Hash, () => owners.Keeps(record.Key) is false);
            await replica.WriteAsync(record.Key, stray, durable: false, cancellationToken).ConfigureAwait(false);
            ledger.HandedOverStray();
            return true;
        }
        catch (Exception failed) when (failed is PeerException or EventualFormatException || (failed is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // All of them must have it before it goes here; the next round tries again.
            return false;
        }
    }

    private bool IsKept(KeyspaceId keyspace, int arc, NodeId node) => owners.ListOf(keyspace, arc) is { } list && list.Primaries.Contains(node);

    private async Task<T> WithPatienceAsync<T>(Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        using var timer = new CancellationTokenSource(options.CallTimeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellationToken);
        return await call(both.Token).ConfigureAwait(false);
    }
}
