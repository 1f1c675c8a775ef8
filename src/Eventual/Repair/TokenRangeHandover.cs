using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Coordinators;
using KvRaft.Eventual.Replicas;
using KvRaft.Eventual.Trees;
using KvRaft.Topology;

namespace KvRaft.Eventual.Repair;

/// <summary>
/// Hands a token range that this node does not hold to its replica holders, and removes it here. A record is removed when <b>each</b> replica holder has
/// it on disk (the
/// same hash, read after a sync; a replica holder with another state is sent this one and merges it) and confirms that it holds the key. So token ranges change
/// their nodes while writes continue: the new node has each record before the old one drops it. Any step may fail and be repeated. One caller at a time.
/// </summary>
internal sealed class TokenRangeHandover(
    EventualReplica replica, IReplicaHolders holders, ITreePeers trees, IReplicaPeers peers, RepairLedger ledger, RepairOptions options, TimeProvider time)
{
    /// <param name="silent">Nodes that did not answer in this round. They are not called again, and the method adds further ones.</param>
    /// <returns>Empty if nothing that can be handed over remains; otherwise the reason why records remain.</returns>
    public async Task<string> RunAsync(KeyspaceId keyspace, int range, ISet<NodeId> silent, CancellationToken cancellationToken)
    {
        if (holders.ListOf(keyspace, range) is not { } list)
        {
            return "";
        }

        var (first, last) = (new LeafPlace(keyspace, range, 0).Start, new LeafPlace(keyspace, range, LeafPlace.Buckets - 1).Last);
        EventualKey? after = null;
        while (replica.Scan(keyspace, first, last, after, options.KeysPerStep) is { Count: > 0 } page)
        {
            after = page[^1].Key;

            // Records with a hint go first, by hinted handoff.
            var records = page.Where(record => !replica.Hints.Has(record.Key)).ToArray();
            var startedAt = time.GetTimestamp();
            if (await WhyNotAsync(records, list, silent, cancellationToken).ConfigureAwait(false) is { } why)
            {
                return why;
            }

            await Task.WhenAll(records.Select(record => replica.WriteAsync(
                record.Key, new RemoveStray(record.Hash, () => holders.Keeps(record.Key) is false), durable: false, cancellationToken))).ConfigureAwait(false);
            ledger.HandedOverStrays(records.Length);
            await Task.Delay(time.GetElapsedTime(startedAt), time, cancellationToken).ConfigureAwait(false);
        }

        return "";
    }

    /// <summary>
    /// Answers whether this node holds records that other nodes are about to drop. The answer follows a sync: a record that a power loss could still
    /// remove here is not held.
    /// </summary>
    public async Task<bool[]> ConfirmAsync(IReadOnlyList<RecordName> records, CancellationToken cancellationToken)
    {
        var doubts = replica.Doubts;
        var same = records.Select(record => replica.HashOf(record.Key) == record.Hash).ToArray();
        await replica.SyncAsync(cancellationToken).ConfigureAwait(false);
        var stands = replica.Doubts == doubts;
        return [.. records.Select((record, i) => stands && same[i] && holders.Keeps(record.Key) is true)];
    }

    /// <summary>Null when every replica holder has every record.</summary>
    private async Task<string?> WhyNotAsync(FoundRecord[] records, PreferenceList list, ISet<NodeId> silent, CancellationToken cancellationToken)
    {
        if (list.Primaries.ToArray().Where(silent.Contains).ToArray() is [var away, ..])
        {
            return $"node {away} does not answer";
        }

        var names = records.Select(static record => new RecordName(record.Key, record.Hash)).ToArray();
        foreach (var node in records.Length > 0 ? list.Primaries.ToArray() : [])
        {
            try
            {
                var kept = await WithPatienceAsync(patience => trees.ConfirmKeptAsync(node, names, patience), cancellationToken).ConfigureAwait(false);
                var sent = await Task.WhenAll(records.Where((_, i) => kept.Count <= i || !kept[i])
                    .Select(record => SendAsync(node, record, cancellationToken))).ConfigureAwait(false);
                if (!sent.All(static keeps => keeps))
                {
                    // If that node would drop the record too, dropping it here would lose it.
                    return $"node {node} has not received the ring by which it holds the records yet";
                }
            }
            catch (Exception failed) when (failed is PeerException or EventualFormatException || (failed is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                silent.Add(node);
                return failed is OperationCanceledException ? $"node {node} does not answer" : failed.Message;
            }
        }

        return null;
    }

    private async Task<bool> SendAsync(NodeId node, FoundRecord record, CancellationToken cancellationToken)
    {
        var state = SiblingSetCodec.Decode(record.State);
        return (await WithPatienceAsync(
            patience => peers.StoreAsync(node, record.Key, state, null, durable: true, patience), cancellationToken).ConfigureAwait(false)).Keeps;
    }

    private async Task<T> WithPatienceAsync<T>(Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        using var timer = new CancellationTokenSource(options.CallTimeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellationToken);
        return await call(both.Token).ConfigureAwait(false);
    }
}
