using System.Collections.Concurrent;
using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Coordinators;
using KvRaft.Eventual.Replicas;
using KvRaft.Eventual.Trees;
using KvRaft.Topology;

namespace KvRaft.Eventual.Repair;

/// <summary>The hints delivered to a node since the start, and why the last attempt failed (empty if it did not).</summary>
internal readonly record struct HandoffProgress(long Delivered, string LastError);

/// <summary>
/// Delivers hints to absent nodes as soon as they answer again: it sends the newest state of each key with a hint, so a node that
/// missed a thousand writes of a key receives one state. A record that this node does not hold as a replica holder is removed with its last hint. One
/// caller at a
/// time; any thread may read the progress.
/// </summary>
internal sealed class HintedHandoff(
    EventualReplica replica, IReplicaHolders holders, IReplicaPeers peers, PeerSuspicion suspicion, EventualLimits limits, RepairOptions options, TimeProvider time)
{
    private readonly ConcurrentDictionary<NodeId, HandoffProgress> _progress = new();

    public HandoffProgress ProgressOf(NodeId node) => _progress.GetValueOrDefault(node, new HandoffProgress(0, ""));

    /// <summary>Delivers all current hints, in one pass.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        foreach (var backlog in replica.Hints.Backlogs())
        {
            // A suspected node receives one probe per interval, from the first caller.
            if (suspicion.MayAsk(backlog.Node))
            {
                await HandOverAsync(backlog.Node, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                await DropOldAsync(backlog.Node, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Drops all hints for a node. Tree comparison still finds what the node lacks.</summary>
    public async Task<int> DropAsync(NodeId node, CancellationToken cancellationToken)
    {
        var dropped = 0;
        while (replica.Hints.Take(node, options.TombstonesPerStep) is { Length: > 0 } hints)
        {
            await Task.WhenAll(hints.Select(hint => replica.WriteAsync(hint.Key, new DropHint(node), durable: false, cancellationToken))).ConfigureAwait(false);
            dropped += hints.Length;
        }

        return dropped;
    }

    private async Task HandOverAsync(NodeId node, CancellationToken cancellationToken)
    {
        // Hints that arrive meanwhile wait for the next run, so that a run ends.
        var left = replica.Hints.Backlogs().FirstOrDefault(backlog => backlog.Node == node).Count;
        while (left > 0 && replica.Hints.Take(node, options.KeysPerStep) is { Length: > 0 } hints)
        {
            left -= hints.Length;
            var startedAt = time.GetTimestamp();
            var failed = (await Task.WhenAll(hints.Select(hint => TryHandOverAsync(hint, cancellationToken))).ConfigureAwait(false))
                .FirstOrDefault(static error => error is not null);
            _progress.AddOrUpdate(
                node, _ => new HandoffProgress(failed is null ? hints.Length : 0, failed ?? ""),
                (_, before) => new HandoffProgress(before.Delivered + (failed is null ? hints.Length : 0), failed ?? ""));
            if (failed is not null)
            {
                suspicion.Failed(node);
                return;
            }

            suspicion.Answered(node);
            await Task.Delay(time.GetElapsedTime(startedAt), time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Null if the hint is settled, otherwise the reason why not.</summary>
    private async Task<string?> TryHandOverAsync(Hint hint, CancellationToken cancellationToken)
    {
        using var timer = new CancellationTokenSource(options.CallTimeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellationToken);
        try
        {
            if (holders.ListOf(hint.Key.Keyspace, LeafPlace.TokenRangeOf(hint.Key.Token))?.Primaries.Contains(hint.Node) is not true || replica.Find(hint.Key) is not { } record)
            {
                // The keyspace was dropped, or the record is gone, or another node is the replica holder now: tree comparison covers these cases.
                await replica.WriteAsync(hint.Key, new DropHint(hint.Node), durable: false, cancellationToken).ConfigureAwait(false);
                return null;
            }

            await peers.StoreAsync(hint.Node, hint.Key, SiblingSetCodec.Decode(record.State), null, durable: true, both.Token).ConfigureAwait(false);
            var settled = new HandedOver(hint.Node, record.Hash, () => holders.Keeps(hint.Key) is not false);
            await replica.WriteAsync(hint.Key, settled, durable: false, cancellationToken).ConfigureAwait(false);
            return null;
        }
        catch (EventualFormatException)
        {
            // A record that cannot be read cannot be handed over, and must not delay the other hints for the node.
            await replica.WriteAsync(hint.Key, new DropHint(hint.Node), durable: false, cancellationToken).ConfigureAwait(false);
            return null;
        }
        catch (Exception failed) when (failed is PeerException || (failed is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return failed.Message;
        }
    }

    private async Task DropOldAsync(NodeId node, CancellationToken cancellationToken)
    {
        var old = time.GetUtcNow().ToUnixTimeMilliseconds() - (long)limits.HintAgeMax.TotalMilliseconds;
        while (replica.Hints.Take(node, options.KeysPerStep).Where(hint => hint.SinceMs <= old).ToArray() is { Length: > 0 } hints)
        {
            foreach (var hint in hints)
            {
                await replica.WriteAsync(hint.Key, new DropHint(node), durable: false, cancellationToken).ConfigureAwait(false);
                replica.Hints.CountDropped();
            }
        }
    }
}
