using System.Threading.Channels;
using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Quorum;
using KvRaft.Eventual.Replicas;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Eventual.Coordinators;

/// <summary>
/// Carries a write through: gives it its name on this node's own replica, sends the resulting state along the preference list, and
/// answers when <see cref="PutCore"/> says so. What is still under way then goes on without the caller: late replicas, fallbacks, and at the end a
/// hint, kept here, for every primary that nobody keeps one for.
/// <para>
/// The node that coordinates must be one that keeps the key, or stands in for one: a dot is only as good as the memory of whoever gives
/// it. Others forward.
/// </para>
/// Thread-safe.
/// </summary>
internal sealed class PutCoordinator(
    IKeyOwners owners, EventualReplica replica, IReplicaPeers peers, PeerSuspicion suspicion, CoordinatorOptions options, TimeProvider time)
{
    private readonly NodeId _self = owners.Self;
    private readonly IKeyOwners _owners = owners;
    private readonly EventualReplica _replica = replica;
    private readonly IReplicaPeers _peers = peers;
    private readonly PeerSuspicion _suspicion = suspicion;
    private readonly CoordinatorOptions _options = options;
    private readonly TimeProvider _time = time;
    private int _underWay;

    /// <summary>Writes that still wait for a replica, or for their hints to be kept; also those whose caller has its answer.</summary>
    public int UnderWay => Volatile.Read(ref _underWay);

    /// <param name="call">This node is in its list.</param>
    /// <param name="durable">Does an answer count only after a sync?</param>
    /// <exception cref="StorageException">This node's own disk failed.</exception>
    /// <exception cref="EventualFormatException">What is stored under the key is damaged.</exception>
    public async Task<PutAnswer> RunAsync(EventualKey key, ReplicaWrite write, QuorumCall call, bool durable, CancellationToken cancellationToken)
    {
        var begun = await _replica.BeginAsync(key, write, durable, cancellationToken).ConfigureAwait(false);
        var (end, state) = await begun.Written.ConfigureAwait(false);
        if (end != WriteEnd.Applied)
        {
            return new PutAnswer(end, state, Reached: false, 0, 0, Overlaps: false);
        }

        var run = new Run(this, key, state, durable, begun.Safe, call);
        return await run.StartAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>One write on its way. Its loop has one reader of outcomes, so the core needs no lock.</summary>
    private sealed class Run(PutCoordinator owner, EventualKey key, SiblingSet state, bool durable, Task<WriteResult> safeHere, QuorumCall call)
    {
        /// <summary>Answers, without a word if the node failed; without a node, that it takes long.</summary>
        private readonly Channel<(NodeId? Node, ReplicaWord? Word)> _outcomes = Channel.CreateUnbounded<(NodeId?, ReplicaWord?)>();
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
                // The caller's, if it still waits; a store that closes or fails is the node's own affair and reported by the replica.
                _answer.TrySetException(fault is ChannelClosedException { InnerException: { } cause } ? cause : fault);
                _ = _answer.Task.Exception;
            }
            finally
            {
                Interlocked.Decrement(ref owner._underWay);
            }
        }

        private PutCore Take(PutCore core, (NodeId? Node, ReplicaWord? Word) outcome)
        {
            if (outcome.Node is not { } node)
            {
                // Who has its answer needs nobody more.
                var (hedged, asked) = core.Verdict == Verdict.Open ? core.Hedge() : (core, []);
                foreach (var slot in asked)
                {
                    // Whoever is left, suspected or not: it may have been slow once, and those asked before it are slow now.
                    _ = SendAsync(slot, insists: true);
                }

                return hedged;
            }

            if (outcome.Word is { } word)
            {
                return core.Safe(node, word.Counts(call.Tenure));
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

        /// <param name="slot">Whom to ask.</param>
        /// <param name="insists">Also if it is suspected.</param>
        private async Task SendAsync(ReplicaSlot slot, bool insists = false)
        {
            try
            {
                var word = slot.Node == owner._self ? await KeepAsync(slot).ConfigureAwait(false) : await StoreAsync(slot, insists).ConfigureAwait(false);
                _outcomes.Writer.TryWrite((slot.Node, word));
            }
            catch (Exception fault)
            {
                // Without an outcome the loop would wait for ever: the fault is the caller's.
                _outcomes.Writer.TryComplete(fault);
            }
        }

        private async Task<ReplicaWord?> KeepAsync(ReplicaSlot slot)
        {
            try
            {
                await safeHere.ConfigureAwait(false);
                if (slot.IsFallback)
                {
                    await owner._replica.WriteAsync(key, new OweTo([slot.StandsFor]), durable, CancellationToken.None).ConfigureAwait(false);
                }

                return owner._replica.WordOn(key, owner._owners);
            }
            catch (StorageException)
            {
                return null;
            }
        }

        private async Task<ReplicaWord?> StoreAsync(ReplicaSlot slot, bool insists)
        {
            using var patience = new CancellationTokenSource(owner._options.PatienceWith(call.List, call.Spec), owner._time);
            try
            {
                if (!insists && !_asksSuspects && !owner._suspicion.MayAsk(slot.Node))
                {
                    return null;
                }

                var word = await owner._peers.StoreAsync(slot.Node, key, state, slot.IsFallback ? slot.StandsFor : null, durable, patience.Token).ConfigureAwait(false);
                owner._suspicion.Answered(slot.Node);
                return word;
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
                : owner._replica.WriteAsync(key, new OweTo(owed), durable: false, CancellationToken.None);
        }
    }
}
