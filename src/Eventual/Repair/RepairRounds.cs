using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Coordinators;
using KvRaft.Eventual.Replicas;
using KvRaft.Eventual.Trees;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Eventual.Repair;

/// <summary>
/// One round of anti-entropy. For every keyspace, it compares the roots of the token ranges of this node with those of the other replica holders; if they
/// differ, <see cref="TokenRangeComparison"/> makes them equal. <see cref="TokenRangeHandover"/> hands over the records of token ranges that this node does not hold
/// (this node
/// was a fallback and the hint was dropped, or the ring changed). If the answers of this node do not count yet, the round also fetches from nodes that
/// do not, or no longer, hold the token range. When this node has fetched from every node, its answers count (<see cref="TenureBook"/>). One caller at a time.
/// </summary>
internal sealed class RepairRounds(
    EventualReplica replica, IReplicaHolders holders, ITreePeers trees, IReplicaPeers peers, PeerSuspicion suspicion, TokenRangeHandover handover, RepairLedger ledger,
    RepairOptions options, TimeProvider time)
{
    private readonly TokenRangeComparison _comparison = new(replica, trees, peers, options, time);

    /// <exception cref="StorageException">The disk of this node failed, or the store is closing.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        // Records set aside from here on are not in what is fetched from here on.
        var doubts = replica.Doubts;
        var (silent, left) = (new HashSet<NodeId>(), "");
        foreach (var keyspace in holders.Keyspaces)
        {
            if (holders.TenureOf(keyspace) is not { } tenure)
            {
                continue;
            }

            var failures = new Dictionary<int, string>();
            var unmet = AllTokenRanges.Where(range => IsKept(keyspace, range, holders.Self) && !replica.Tenures.IsWhole(keyspace, range, tenure)).ToHashSet();
            foreach (var other in holders.Nodes.Where(node => node != holders.Self))
            {
                unmet.ExceptWith(await MissedAsync(keyspace, tenure, other, unmet, failures, cancellationToken).ConfigureAwait(false));
            }

            if (unmet.Count > 0)
            {
                await replica.HasMetAllAsync(keyspace, tenure, unmet, doubts, cancellationToken).ConfigureAwait(false);
            }

            Note(keyspace, failures);
            left = await HandOverAsync(keyspace, silent, cancellationToken).ConfigureAwait(false) is { Length: > 0 } why ? why : left;
        }

        DropSetAside(doubts);
        ledger.HandedOver(left);
        ledger.RoundDone();
    }

    /// <summary>
    /// Removes damaged files when the answers of this node count again in every token range it holds. If a keyspace has one copy, the files may be the only
    /// copy, and stay.
    /// </summary>
    private void DropSetAside(int doubts)
    {
        if (replica.Health.HasSetAside && holders.Keyspaces.All(keyspace => holders.TenureOf(keyspace) is { N: > 1 } tenure
            && AllTokenRanges.All(range => !IsKept(keyspace, range, holders.Self) || replica.Tenures.IsWhole(keyspace, range, tenure))))
        {
            replica.DropSetAside(doubts);
        }
    }

    private static IEnumerable<int> AllTokenRanges => Enumerable.Range(0, LeafPlace.TokenRanges);

    /// <summary>Compares the token ranges that both nodes hold, and fetches what the other node has of those that must be complete.</summary>
    /// <param name="wanted">Token ranges in which this node must have everything that the other node has.</param>
    /// <returns>Those of them in which it may lack something.</returns>
    private async Task<IReadOnlyCollection<int>> MissedAsync(
        KeyspaceId keyspace, Tenure tenure, NodeId other, IReadOnlySet<int> wanted, Dictionary<int, string> failures, CancellationToken cancellationToken)
    {
        var common = AllTokenRanges.Where(range => IsKept(keyspace, range, holders.Self) && IsKept(keyspace, range, other)).ToArray();
        if (common.Length == 0 && wanted.Count == 0)
        {
            return [];
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
            foreach (var range in common.Where(range => ours[range] != theirs.Roots[range]))
            {
                ledger.Repaired(keyspace, range, await _comparison.RunAsync(other, keyspace, range, pulls: false, cancellationToken).ConfigureAwait(false));
                failures.TryAdd(range, $"differed from node {other}; repaired");
            }

            foreach (var range in wanted.Except(common).Where(range => theirs.Roots[range] != 0 && ours[range] != theirs.Roots[range]))
            {
                ledger.Repaired(keyspace, range, await _comparison.RunAsync(other, keyspace, range, pulls: true, cancellationToken).ConfigureAwait(false));
            }

            // A node under another tenure may still accept writes that it will not send to this node.
            return theirs.Tenure == tenure.Word ? [] : [.. wanted];
        }
        catch (Exception failed) when (failed is PeerException or EventualFormatException || (failed is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            suspicion.Failed(other);
            foreach (var range in common)
            {
                failures.TryAdd(range, failed.Message);
            }

            return [.. wanted];
        }
    }

    /// <summary>Records as equal the token ranges in which no node differed.</summary>
    private void Note(KeyspaceId keyspace, Dictionary<int, string> failures)
    {
        var nowMs = time.GetUtcNow().ToUnixTimeMilliseconds();
        foreach (var range in AllTokenRanges.Where(range => IsKept(keyspace, range, holders.Self)))
        {
            if (failures.TryGetValue(range, out var error))
            {
                ledger.Failed(keyspace, range, error);
            }
            else
            {
                ledger.Equal(keyspace, range, nowMs);
            }
        }
    }

    /// <summary>Hands over the records in token ranges of other nodes.</summary>
    /// <returns>Why records remain; empty if none do.</returns>
    private async Task<string> HandOverAsync(KeyspaceId keyspace, HashSet<NodeId> silent, CancellationToken cancellationToken)
    {
        var (roots, left) = (replica.Trees.Roots(keyspace), "");
        foreach (var range in AllTokenRanges.Where(range => roots[range] != 0 && !IsKept(keyspace, range, holders.Self)))
        {
            var why = await TryHandOverAsync(keyspace, range, silent, cancellationToken).ConfigureAwait(false);
            left = why.Length > 0 ? why : left;
        }

        return left;
    }

    private async Task<string> TryHandOverAsync(KeyspaceId keyspace, int range, HashSet<NodeId> silent, CancellationToken cancellationToken)
    {
        try
        {
            return await handover.RunAsync(keyspace, range, silent, cancellationToken).ConfigureAwait(false);
        }
        catch (EventualFormatException damaged)
        {
            // A record that cannot be read cannot be handed over; its token range stays, and the other ones continue.
            return damaged.Message;
        }
    }

    private bool IsKept(KeyspaceId keyspace, int range, NodeId node) => holders.ListOf(keyspace, range) is { } list && list.Primaries.Contains(node);

    private async Task<T> WithPatienceAsync<T>(Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        using var timer = new CancellationTokenSource(options.CallTimeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellationToken);
        return await call(both.Token).ConfigureAwait(false);
    }
}
