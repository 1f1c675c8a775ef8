using System.Collections.Immutable;
using System.Threading.Channels;
using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Quorum;
using KvRaft.Eventual.Replicas;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Eventual.Coordinators;

/// <summary>
/// Executes a quorum read. It sends the read to all N primaries and answers when <see cref="GetCore"/> has R of them. When the last one has answered or
/// timed out, it sends the merged state to the replicas that are behind (read repair: after the answer, a bounded number at once, counted).
/// Any node can coordinate a read. Thread-safe.
/// </summary>
internal sealed class GetCoordinator(
    IReplicaHolders holders, EventualReplica replica, IReplicaPeers peers, PeerSuspicion suspicion, CoordinatorOptions options, TimeProvider time)
{
    private int _repairing;
    private int _underWay;
    private long _repaired;
    private long _repairsSkipped;

    /// <summary>Reads that still wait for a replica or repair one, including those that have answered their caller.</summary>
    public int UnderWay => Volatile.Read(ref _underWay);

    /// <summary>States sent to replicas that were behind.</summary>
    public long RepairedCount => Interlocked.Read(ref _repaired);

    /// <summary>Repairs left to tree comparison because too many were in progress.</summary>
    public long RepairsSkippedCount => Interlocked.Read(ref _repairsSkipped);

    /// <param name="room">Disposed when the read is over, which may be long after the caller has the answer: late replicas and repairs still hold
    /// states.</param>
    /// <exception cref="EventualFormatException">The local record of the key is damaged.</exception>
    /// <exception cref="NoRoomException">This node has no memory for the state of a replica.</exception>
    public Task<GetAnswer> RunAsync(EventualKey key, QuorumCall call, IStateRoom room, CancellationToken cancellationToken)
    {
        var (spec, list) = (call.Spec, call.List);
        var answer = new TaskCompletionSource<GetAnswer>(TaskCreationOptions.RunContinuationsAsynchronously);
        Interlocked.Increment(ref _underWay);
        var asking = new Asking(options.PatienceWith(list, spec), suspicion.AreNeeded(list.Primaries.ToArray(), spec.R), call.Tenure, room);
        _ = LoopAsync(key, GetCore.Start(spec, list), asking, answer);
        return answer.Task.WaitAsync(cancellationToken);
    }

    private async Task LoopAsync(EventualKey key, GetCore core, Asking asking, TaskCompletionSource<GetAnswer> answer)
    {
        try
        {
            var outcomes = Channel.CreateUnbounded<(NodeId? Node, FetchedState? Fetched)>();
            foreach (var slot in core.Replicas.Slots)
            {
                _ = AskAsync(slot.Node, key, asking, outcomes.Writer, answer);
            }

            using var slow = time.CreateTimer(_ => outcomes.Writer.TryWrite((null, null)), null, options.HedgeDelayOf(asking.Suspects), Timeout.InfiniteTimeSpan);
            while (!core.IsOver)
            {
                (core, var more) = Take(core, await outcomes.Reader.ReadAsync().ConfigureAwait(false), asking.Tenure);
                foreach (var slot in more)
                {
                    _ = AskAsync(slot.Node, key, asking, outcomes.Writer, answer);
                }

                if (core.Verdict == Verdict.Reached || core.IsOver)
                {
                    answer.TrySetResult(new GetAnswer(
                        core.Merged, core.Verdict == Verdict.Reached, core.Replicas.AnsweredCount, core.Replicas.FallbackAnswerCount, core.Overlaps));
                }
            }

            await Task.WhenAll(core.Behind.Select(node => RepairAsync(node, key, core.Merged))).ConfigureAwait(false);
        }
        catch (Exception fault)
        {
            answer.TrySetException(fault is ChannelClosedException { InnerException: { } cause } ? cause : fault);
            _ = answer.Task.Exception;
        }
        finally
        {
            asking.Room.Dispose();
            Interlocked.Decrement(ref _underWay);
        }
    }

    /// <summary>Takes one outcome: an answer, or, without a node, the end of the hedge delay.</summary>
    private static (GetCore Core, ImmutableArray<ReplicaSlot> More) Take(GetCore core, (NodeId? Node, FetchedState? Fetched) outcome, ulong tenure)
    {
        if (outcome.Node is not { } node)
        {
            // A caller that has its answer needs no further replica.
            return core.Verdict == Verdict.Open ? core.Hedge() : (core, []);
        }

        if (outcome.Fetched is { } fetched)
        {
            return (core.Answer(node, fetched.State, fetched.Claim.Counts(tenure)), []);
        }

        var (failed, next) = core.Fail(node);
        return (failed, next is { } fallback ? [fallback] : []);
    }

    private async Task AskAsync(
        NodeId node, EventualKey key, Asking asking, ChannelWriter<(NodeId? Node, FetchedState? Fetched)> outcomes, TaskCompletionSource<GetAnswer> answer)
    {
        using var patience = new CancellationTokenSource(asking.PatienceWithOne, time);
        FetchedState? fetched = null;
        try
        {
            if (node == holders.Self)
            {
                var found = await replica.ReadWithClaimAsync(key, holders, asking.Room, patience.Token).ConfigureAwait(false);
                fetched = new FetchedState(found.State, found.Claim);
            }
            else if (asking.Suspects || suspicion.MayAsk(node))
            {
                fetched = await peers.FetchAsync(node, key, asking.Room, patience.Token).ConfigureAwait(false);
                suspicion.Answered(node);
            }
        }
        catch (PeerException refused) when (refused.IsOverload)
        {
            suspicion.Answered(node);
        }
        catch (Exception failed) when (failed is PeerException or OperationCanceledException)
        {
            suspicion.Failed(node);
        }
        catch (NoRoomException full)
        {
            // This node had no memory for the copy, so the copy must not count as a failed replica. There is no effect if enough others answered.
            answer.TrySetException(full);
            _ = answer.Task.Exception;
        }
        catch (Exception unread) when (unread is EventualFormatException or StorageException)
        {
            // A damaged copy, local or remote, or a local store that is not open, gives no answer; the other replicas are read.
        }
        catch (Exception fault)
        {
            // Without an outcome the loop would wait for ever, so the caller receives the fault.
            outcomes.TryComplete(fault);
            return;
        }

        outcomes.TryWrite((node, fetched));
    }

    private async Task RepairAsync(NodeId node, EventualKey key, SiblingSet merged)
    {
        if (Interlocked.Increment(ref _repairing) > options.ReadRepairsMax)
        {
            Interlocked.Decrement(ref _repairing);
            Interlocked.Increment(ref _repairsSkipped);
            return;
        }

        using var patience = new CancellationTokenSource(options.ReplicaTimeout, time);
        try
        {
            if (node == holders.Self)
            {
                await replica.WriteAsync(key, new TakeState(merged, null), durable: false, patience.Token).ConfigureAwait(false);
            }
            else
            {
                await peers.StoreAsync(node, key, merged, null, durable: false, patience.Token).ConfigureAwait(false);
            }

            Interlocked.Increment(ref _repaired);
        }
        catch (Exception failed) when (failed is PeerException or OperationCanceledException or StorageException or EventualFormatException)
        {
            // Tree comparison will find it.
        }
        finally
        {
            Interlocked.Decrement(ref _repairing);
        }
    }

    /// <summary>The timeout for one replica, whether suspected nodes are included, the tenure whose answers count, and where memory for states is
    /// reserved.</summary>
    private readonly record struct Asking(TimeSpan PatienceWithOne, bool Suspects, ulong Tenure, IStateRoom Room);
}
