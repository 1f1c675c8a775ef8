using System.Threading.Channels;
using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Quorum;
using KvRaft.Eventual.Replicas;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Eventual.Coordinators;

/// <summary>
/// Executes a quorum write. It gives the write its dot at the replica of this node, sends the resulting state along the preference list, and
/// answers when <see cref="PutCore"/> decides. The rest continues without the caller: late replicas, fallbacks, and finally a
/// hint, stored here, for every primary for which no other node stores one.
/// <para>
/// The coordinating node must be a replica holder of the key, or a fallback of one: a dot is only as reliable as the records of the replica that issues
/// it. Other nodes forward the write.
/// </para>
/// Thread-safe.
/// </summary>
internal sealed class PutCoordinator(
    IReplicaHolders holders, EventualReplica replica, IReplicaPeers peers, PeerSuspicion suspicion, CoordinatorOptions options, TimeProvider time)
{
    private readonly NodeId _self = holders.Self;
    private readonly IReplicaHolders _holders = holders;
    private readonly EventualReplica _replica = replica;
    private readonly IReplicaPeers _peers = peers;
    private readonly PeerSuspicion _suspicion = suspicion;
    private readonly CoordinatorOptions _options = options;
    private readonly TimeProvider _time = time;
    private int _underWay;

    /// <summary>Writes that still wait for a replica, or for their hints to be stored, including those that have answered their caller.</summary>
    public int UnderWay => Volatile.Read(ref _underWay);

    /// <param name="call">This node is in its list.</param>
    /// <param name="durable">Does an answer count only after a sync?</param>
    /// <exception cref="StorageException">The disk of this node failed.</exception>
    /// <exception cref="EventualFormatException">The stored record of the key is damaged.</exception>
    public async Task<PutAnswer> RunAsync(EventualKey key, ReplicaWrite write, QuorumCall call, bool durable, CancellationToken cancellationToken)
    {
        var begun = await _replica.BeginAsync(key, write, durable, cancellationToken).ConfigureAwait(false);
        var written = await begun.Written.ConfigureAwait(false);
        var (end, state) = written;
        if (end != WriteEnd.Applied)
        {
            return new PutAnswer(end, state, Reached: false, 0, 0, Overlaps: false) { Refused = written.Refused };
        }

        var run = new Run(this, key, state, durable, begun.Safe, call);
        return await run.StartAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>One write in progress. Its loop is the only reader of outcomes, so the core needs no lock.</summary>
    private sealed class Run(PutCoordinator owner, EventualKey key, SiblingSet state, bool durable, Task<WriteResult> safeHere, QuorumCall call)
    {
        /// <summary>Answers; a null claim if the node failed; a null node at the end of the hedge delay.</summary>
        private readonly Channel<(NodeId? Node, ReplicaClaim? Claim)> _outcomes = Channel.CreateUnbounded<(NodeId?, ReplicaClaim?)>();
        private readonly TaskCompletionSource<PutAnswer> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

        private bool _asksSuspects;

        public Task<PutAnswer> StartAsync()
        {
            _asksSuspects = owner._suspicion.AreNeeded(call.List.Primaries.ToArray(), call.Spec.W);
            Interlocked.Increment(ref owner._underWay);
            _ = LoopAsync(PutCore.Start(call.Spec, call.List));
            return _answer.Task;
        }

        private async Task LoopAsync(PutCore core)
        {
            try
            {
                foreach (var slot in core.Replicas.Slots)
                {
                    _ = SendAsync(slot);
                }

                using var slow = owner._time.CreateTimer(_ => _outcomes.Writer.TryWrite((null, null)), null, owner._options.HedgeDelayOf(_asksSuspects), Timeout.InfiniteTimeSpan);
                while (!core.IsOver)
                {
                    core = Take(core, await _outcomes.Reader.ReadAsync().ConfigureAwait(false));
                    AnswerIfDecided(core);
                }

                await OweAsync(core).ConfigureAwait(false);
            }
            catch (Exception fault)
            {
                // The caller receives the fault if it still waits. The replica itself reports a store that closes or fails.
                _answer.TrySetException(fault is ChannelClosedException { InnerException: { } cause } ? cause : fault);
                _ = _answer.Task.Exception;
            }
            finally
            {
                Interlocked.Decrement(ref owner._underWay);
            }
        }

        private PutCore Take(PutCore core, (NodeId? Node, ReplicaClaim? Claim) outcome)
        {
            if (outcome.Node is not { } node)
            {
                // A caller that has its answer needs no further replica.
                var (hedged, asked) = core.Verdict == Verdict.Open ? core.Hedge() : (core, []);
                foreach (var slot in asked)
                {
                    // All remaining nodes, suspected or not: a suspected node may have been slow once, and the nodes tried before it are slow now.
                    _ = SendAsync(slot, insists: true);
                }

                return hedged;
            }

            if (outcome.Claim is { } claim)
            {
                return core.Safe(node, claim.Counts(call.Tenure));
            }

            var (failed, next) = core.Fail(node);
            if (next is { } fallback)
            {
                _ = SendAsync(fallback);
            }

            return failed;
        }

        private void AnswerIfDecided(PutCore core)
        {
            if (core.Verdict == Verdict.Reached || core.IsOver)
            {
                _answer.TrySetResult(new PutAnswer(
                    WriteEnd.Applied, state, core.Verdict == Verdict.Reached, core.Replicas.AnsweredCount, core.Replicas.FallbackAnswerCount, core.Overlaps));
            }
        }

        /// <param name="slot">The replica to send to.</param>
        /// <param name="insists">Send also if the node is suspected.</param>
        private async Task SendAsync(ReplicaSlot slot, bool insists = false)
        {
            try
            {
                var claim = slot.Node == owner._self ? await KeepAsync(slot).ConfigureAwait(false) : await StoreAsync(slot, insists).ConfigureAwait(false);
                _outcomes.Writer.TryWrite((slot.Node, claim));
            }
            catch (Exception fault)
            {
                // Without an outcome the loop would wait for ever, so the caller receives the fault.
                _outcomes.Writer.TryComplete(fault);
            }
        }

        private async Task<ReplicaClaim?> KeepAsync(ReplicaSlot slot)
        {
            try
            {
                await safeHere.ConfigureAwait(false);
                if (slot.IsFallback)
                {
                    await owner._replica.WriteAsync(key, new AddHint([slot.StandsFor]), durable, CancellationToken.None).ConfigureAwait(false);
                }

                return owner._replica.ClaimOn(key, owner._holders);
            }
            catch (StorageException)
            {
                return null;
            }
        }

        private async Task<ReplicaClaim?> StoreAsync(ReplicaSlot slot, bool insists)
        {
            using var patience = new CancellationTokenSource(owner._options.PatienceWith(call.List, call.Spec), owner._time);
            try
            {
                if (!insists && !_asksSuspects && !owner._suspicion.MayAsk(slot.Node))
                {
                    return null;
                }

                var claim = await owner._peers.StoreAsync(slot.Node, key, state, slot.IsFallback ? slot.StandsFor : null, durable, patience.Token).ConfigureAwait(false);
                owner._suspicion.Answered(slot.Node);
                return claim;
            }
            catch (PeerException refused) when (refused.IsOverload)
            {
                owner._suspicion.Answered(slot.Node);
                return null;
            }
            catch (Exception failed) when (failed is PeerException or OperationCanceledException)
            {
                owner._suspicion.Failed(slot.Node);
                return null;
            }
        }

        private Task OweAsync(PutCore core)
        {
            var owed = core.Owed.Where(node => node != owner._self).ToArray();
            return owed.Length == 0
                ? Task.CompletedTask
                : owner._replica.WriteAsync(key, new AddHint(owed), durable: false, CancellationToken.None);
        }
    }
}
