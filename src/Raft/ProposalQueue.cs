using System.Threading.Channels;
using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Log;
using KvRaft.Storage;
using KvRaft.Topology;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft;

/// <summary>
/// Turns many callers' commands into few Raft entries (group commit): what waited while the last entries were under way becomes
/// the next entry. Bounded: a full queue refuses at once.
/// <para>
/// A proposal is answered from <i>apply</i>, found by its entry's own id. When leadership is lost after an entry was appended, its fate
/// is open; the proposal keeps waiting, because two things can still settle it: the entry is applied after all (by whoever leads
/// now), or another entry is applied at its index, and then it certainly never will be. Only when its caller gives up, or a
/// checkpoint jumps over the index, is the answer <see cref="ProposalStatus.Unknown"/>.
/// </para>
/// <para>Thread-safe.</para>
/// </summary>
internal sealed class ProposalQueue : IAsyncDisposable
{
    private readonly Guid _proposer = Guid.NewGuid();
    private readonly RaftCluster _cluster;
    private readonly Func<NodeId?> _leader;
    private readonly RaftGroupLimits _limits;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Channel<Proposal> _waiting;
    private readonly SemaphoreSlim _slots;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _running;

    private readonly Lock _gate = new();
    private readonly Dictionary<EntryId, ProposedBatch> _proposed = [];
    private long _number;

    public ProposalQueue(RaftCluster cluster, Func<NodeId?> leader, RaftGroupLimits limits, TimeProvider time, ILogger logger)
    {
        _cluster = cluster;
        _leader = leader;
        _limits = limits;
        _time = time;
        _logger = logger;
        _slots = new SemaphoreSlim(limits.EntriesInFlightMax);
        _waiting = Channel.CreateBounded<Proposal>(new BoundedChannelOptions(limits.ProposalsWaitingMax) { SingleReader = true });
        _running = Task.Run(RunAsync);
    }

    public ValueTask<ProposalResult> ProposeAsync(ReadOnlyMemory<byte> command, CancellationToken cancellationToken)
    {
        if (command.Length > _limits.EntryBytesMax)
        {
            return new(Refuse(ProposalStatus.TooLarge));
        }

        if (_cluster.LeadershipToken.IsCancellationRequested)
        {
            return new(Refuse(ProposalStatus.NotLeader));
        }

        var proposal = new Proposal(command);
        if (!_waiting.Writer.TryWrite(proposal))
        {
            return new(Refuse(_stopping.IsCancellationRequested ? ProposalStatus.Stopped : ProposalStatus.Overloaded));
        }

        return cancellationToken.CanBeCanceled ? AwaitAsync(proposal, cancellationToken) : new(proposal.Task);
    }

    /// <summary>Called by the applier, in log order, for each entry it applied.</summary>
    /// <param name="id">The id of the applied entry; null for an entry that carried no commands.</param>
    public void OnApplied(LogPosition position, EntryId? id, IReadOnlyList<Outcome> outcomes)
    {
        ProposedBatch? ours = null;
        List<ProposedBatch>? displaced = null;
        lock (_gate)
        {
            if (_proposed.Count == 0)
            {
                return;
            }

            if (id is { } key && key.Proposer == _proposer && _proposed.Remove(key, out ours))
            {
                Invariant.Holds(outcomes.Count == ours.Proposals.Count, $"Entry {position} answered {outcomes.Count} of {ours.Proposals.Count} commands.");
            }

            foreach (var (otherKey, batch) in _proposed)
            {
                // Another entry was committed where ours was appended, or beyond it: ours can never be.
                if (batch.Entry.Index != 0 && batch.Entry.Index <= position.Index)
                {
                    (displaced ??= []).Add(batch);
                    _proposed.Remove(otherKey);
                }
            }
        }

        for (var i = 0; i < ours?.Proposals.Count; i++)
        {
            ours.Proposals[i].Complete(new ProposalResult(ProposalStatus.Applied, outcomes[i], position, null));
        }

        foreach (var batch in displaced ?? [])
        {
            CompleteAll(batch, ProposalStatus.NotLeader);
        }
    }

    /// <summary>A checkpoint was installed: what was proposed at or below its index cannot be told any more.</summary>
    public void OnJumped(LogPosition position)
    {
        List<ProposedBatch> lost;
        lock (_gate)
        {
            lost = [.. _proposed.Values.Where(batch => batch.Entry.Index <= position.Index)];
            foreach (var batch in lost)
            {
                _proposed.Remove(batch.Id);
            }
        }

        foreach (var batch in lost)
        {
            CompleteAll(batch, ProposalStatus.Unknown);
        }
    }

    /// <summary>
    /// Ends when nothing is under way any more, and lets nothing begin until the answer is disposed; what is offered meanwhile waits in the queue.
    /// </summary>
    /// <exception cref="OperationCanceledException">Something was under way for too long; nothing is held.</exception>
    public async Task<IDisposable> HoldAsync(CancellationToken cancellationToken)
    {
        var held = new HeldSlots(_slots);
        try
        {
            while (held.Count < _limits.EntriesInFlightMax)
            {
                await _slots.WaitAsync(cancellationToken).ConfigureAwait(false);
                held.Count++;
            }

            return held;
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        _waiting.Writer.TryComplete();
        await _running.ConfigureAwait(false);
        while (_waiting.Reader.TryRead(out var proposal))
        {
            proposal.Complete(Refuse(ProposalStatus.Stopped));
        }

        OnJumped(new LogPosition(long.MaxValue, long.MaxValue));
        _stopping.Dispose();
    }

    private static async ValueTask<ProposalResult> AwaitAsync(Proposal proposal, CancellationToken cancellationToken)
    {
        using var registration = cancellationToken.UnsafeRegister(static state => ((Proposal)state!).GiveUp(), proposal);
        return await proposal.Task.ConfigureAwait(false);
    }

    private async Task RunAsync()
    {
        try
        {
            while (await _waiting.Reader.WaitToReadAsync(_stopping.Token).ConfigureAwait(false))
            {
                await _slots.WaitAsync(_stopping.Token).ConfigureAwait(false);
                if (TakeBatch() is { } batch)
                {
                    _ = SendAsync(batch);
                }
                else
                {
                    _slots.Release();
                }
            }
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // Stopping: DisposeAsync answers whoever still waits.
        }
    }

    private ProposedBatch? TakeBatch()
    {
        var proposals = new List<Proposal>();
        var bytes = EntryEnvelope.HeaderLength;
        while (proposals.Count < _limits.CommandsPerEntryMax && _waiting.Reader.TryPeek(out var next))
        {
            var size = next.Command.Length + EntryEnvelope.CommandOverhead;
            if (proposals.Count > 0 && bytes + size > _limits.EntryBytesMax)
            {
                break;
            }

            _waiting.Reader.TryRead(out _);
            if (next.TryPropose())
            {
                proposals.Add(next);
                bytes += size;
            }
        }

        if (proposals.Count == 0)
        {
            return null;
        }

        var id = new EntryId(_proposer, ++_number);
        var commands = new ReadOnlyMemory<byte>[proposals.Count];
        for (var i = 0; i < commands.Length; i++)
        {
            commands[i] = proposals[i].Command;
        }

        var payload = EntryEnvelope.Encode(id, _time.GetUtcNow().ToUnixTimeMilliseconds(), commands);
        var term = _cluster.Term;
        return new ProposedBatch(id, new ProposedEntry(term, payload), proposals);
    }

    private async Task SendAsync(ProposedBatch batch)
    {
        lock (_gate)
        {
            _proposed.Add(batch.Id, batch);
        }

        try
        {
            await _cluster.ReplicateAsync(batch.Entry, _stopping.Token).ConfigureAwait(false);
        }
        catch (Exception error) when (batch.Entry.Index == 0)
        {
            // Never appended, whatever the reason: certainly not executed.
            LogMessages.ProposalNotAppended(_logger, error.Message);
            lock (_gate)
            {
                _proposed.Remove(batch.Id);
            }

            CompleteAll(batch, error is LogFailedException || _stopping.IsCancellationRequested ? ProposalStatus.Stopped : ProposalStatus.NotLeader);
        }
        catch (Exception error)
        {
            // Appended, then leadership was lost or we are stopping: apply, or the callers' patience, settles it.
            LogMessages.ProposalOpen(_logger, batch.Entry.Index, error.Message);
#if PLANTED_BUGS
            if (Storage.PlantedBug.Is("open-called-failed")) { CompleteAll(batch, ProposalStatus.NotLeader); }
#endif
        }
        finally
        {
            _slots.Release();
        }
    }

    private void CompleteAll(ProposedBatch batch, ProposalStatus status)
    {
        foreach (var proposal in batch.Proposals)
        {
            proposal.Complete(Refuse(status));
        }
    }

    private ProposalResult Refuse(ProposalStatus status) => new(status, null, LogPosition.None, _leader());

    private sealed class HeldSlots(SemaphoreSlim slots) : IDisposable
    {
        public int Count { get; set; }

        public void Dispose()
        {
            if (Count > 0)
            {
                slots.Release(Count);
                Count = 0;
            }
        }
    }

    private sealed record ProposedBatch(EntryId Id, ProposedEntry Entry, IReadOnlyList<Proposal> Proposals);
}
