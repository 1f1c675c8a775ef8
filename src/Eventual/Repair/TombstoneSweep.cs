using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Coordinators;
using KvRaft.Eventual.Replicas;
using KvRaft.Eventual.Trees;

namespace KvRaft.Eventual.Repair;

/// <summary>
/// Removes tombstones, and never too early. A deleted value returns if a node that still has it merges with a node that has removed the
/// tombstone. So the first of the primaries of a key queries <b>every</b> node of the cluster: the replica holders must hold this very tombstone,
/// the other nodes must hold nothing of the key, and no node may hold a hint for it. While one node is away, nothing is removed. A tombstone also
/// has a minimum age (<see cref="EventualLimits.TombstoneAgeMin"/>), far longer than any message with the old value can be in transit.
/// <para>This cannot detect a copy of a disk that is restored later than that. Such a node must start with an empty store instead.</para>
/// One caller at a time.
/// </summary>
internal sealed class TombstoneSweep(
    EventualReplica replica, IReplicaHolders holders, ITreePeers trees, RepairLedger ledger, EventualLimits limits, RepairOptions options, TimeProvider time)
{
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        foreach (var keyspace in holders.Keyspaces)
        {
            EventualKey? after = null;
            while (replica.Graves(keyspace, after, options.TombstonesPerStep) is { Count: > 0 } page)
            {
                after = page[^1].Key;
                var old = time.GetUtcNow().ToUnixTimeMilliseconds() - (long)limits.TombstoneAgeMin.TotalMilliseconds;
                var mine = page.Where(grave => grave.SinceMs <= old && IsMine(grave.Key))
                    .Select(grave => TryName(grave.Key)).OfType<RecordName>().ToArray();
                var agreed = mine.Length > 0 ? await AgreesAsync(mine, cancellationToken).ConfigureAwait(false) : [];
                var candidates = mine.Where((_, i) => agreed[i]).ToArray();
                if (candidates.Length > 0 && !await TryRemoveAsync(candidates, cancellationToken).ConfigureAwait(false))
                {
                    return;
                }
            }
        }
    }

    /// <summary>
    /// Answers whether this node agrees to remove tombstones. The answer follows a sync: if a power loss could still remove the tombstone here
    /// and leave the old value, the tombstone does not count.
    /// </summary>
    public async Task<bool[]> AgreesAsync(IReadOnlyList<RecordName> tombstones, CancellationToken cancellationToken)
    {
        await replica.SyncAsync(cancellationToken).ConfigureAwait(false);
        return [.. tombstones.Select(Agrees)];
    }

    /// <summary>Null for a record that cannot be read: its kind is unclear, so it stays.</summary>
    private RecordName? TryName(EventualKey key)
    {
        try
        {
            return new RecordName(key, replica.HashOf(key));
        }
        catch (EventualFormatException)
        {
            return null;
        }
    }

    private bool Agrees(RecordName tombstone)
    {
        if (TryName(tombstone.Key) is not { Hash: var here })
        {
            return false;
        }

        var keeps = holders.ListOf(tombstone.Key.Keyspace, LeafPlace.TokenRangeOf(tombstone.Key.Token)) is { } list && list.Primaries.Contains(holders.Self);
        return !replica.Hints.Has(tombstone.Key) && (here == tombstone.Hash || (here == 0 && !keeps));
    }

    // Only one node queries for each key; otherwise all N nodes would.
    private bool IsMine(EventualKey key) =>
        holders.ListOf(key.Keyspace, LeafPlace.TokenRangeOf(key.Token)) is { } list && list.Primaries[0] == holders.Self;

    private async Task<bool> TryRemoveAsync(RecordName[] candidates, CancellationToken cancellationToken)
    {
        try
        {
            var others = holders.Nodes.Where(node => node != holders.Self).ToArray();
            var answers = await Task.WhenAll(others.Select(node => WithPatienceAsync(patience => trees.ConfirmAsync(node, candidates, patience), cancellationToken)))
                .ConfigureAwait(false);
            var confirmed = candidates.Where((_, i) => answers.All(answer => answer.Count > i && answer[i])).ToArray();
            if (confirmed.Length == 0)
            {
                return true;
            }

            await Task.WhenAll(confirmed.Select(name => RemoveHereAsync(name, cancellationToken))).ConfigureAwait(false);
            await Task.WhenAll(others.Select(node => WithPatienceAsync(
                async patience =>
                {
                    await trees.RemoveAsync(node, confirmed, patience).ConfigureAwait(false);
                    return true;
                },
                cancellationToken))).ConfigureAwait(false);
            ledger.Removed(confirmed.Length);
            return true;
        }
        catch (Exception failed) when (failed is PeerException || (failed is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // A node is away. If some nodes have removed the tombstone and others have not, tree comparison restores it, and a later sweep repeats the query.
            return false;
        }
    }

    private async Task RemoveHereAsync(RecordName name, CancellationToken cancellationToken)
    {
        try
        {
            await replica.WriteAsync(name.Key, new RemoveTombstone(name.Hash), durable: false, cancellationToken).ConfigureAwait(false);
        }
        catch (EventualFormatException)
        {
            // The record cannot be read. It stays, and the others of the step are removed.
        }
    }

    private async Task<T> WithPatienceAsync<T>(Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        using var timer = new CancellationTokenSource(options.CallTimeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellationToken);
        return await call(both.Token).ConfigureAwait(false);
    }
}
