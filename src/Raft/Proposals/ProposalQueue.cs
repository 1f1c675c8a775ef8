using System.Threading.Channels;
using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Background;
using KvRaft.Raft.Clocks;
using KvRaft.Raft.Log;
using KvRaft.Raft.Options;
using KvRaft.Raft.Telemetry;
using KvRaft.Storage;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Proposals;

/// <summary>
/// Combines many callers' commands into few Raft entries (group commit): the commands that waited while the last entries were in progress become
/// the next entry. Bounded: a full queue refuses at once.
/// <para>
/// This class waits, for slots and for the library; <see cref="ProposalLedger"/> decides the result of a proposal.
/// </para>
/// <para>Thread-safe.</para>
/// </summary>
internal sealed class ProposalQueue : IAsyncDisposable
{
    private readonly RaftCluster _cluster;
    private readonly ProposalLedger _ledger;
    private readonly RaftGroupLimits _limits;
    private readonly TimeProvider _time;
    private readonly ClusterClock _clock;
    private readonly ShardClockRunner _stamps;
    private readonly ILogger _logger;
    private readonly Channel<Proposal> _waiting;
    private readonly SemaphoreSlim _slots;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _running;
    private readonly Func<int, TimeSpan> _pauseAfter;

    /// <param name="cluster">Where entries are proposed.</param>
    /// <param name="ledger">Decides the result of a proposal.</param>
    /// <param name="limits">The limits of one group.</param>
    /// <param name="pauseAfter">The pause before the next entry, after one of this many bytes.</param>
    /// <param name="clock">Runs the cluster time.</param>
    /// <param name="stamps">Stamps entries.</param>
    /// <param name="background">Runs the loop.</param>
    /// <param name="time">Measures the pauses.</param>
    /// <param name="logger">The logger of the group.</param>
    public ProposalQueue(RaftCluster cluster, ProposalLedger ledger, RaftGroupLimits limits, Func<int, TimeSpan> pauseAfter, ClusterClock clock, ShardClockRunner stamps,
        BackgroundTasks background, TimeProvider time, ILogger logger)
    {
        _pauseAfter = pauseAfter;
        _cluster = cluster;
        _ledger = ledger;
        _limits = limits;
        _time = time;
        _clock = clock;
        _stamps = stamps;
        _logger = logger;
        _slots = new SemaphoreSlim(limits.EntriesInFlightMax);
        _waiting = Channel.CreateBounded<Proposal>(new BoundedChannelOptions(limits.ProposalsWaitingMax) { SingleReader = true });
        _running = background.StartLoop("proposing", RunAsync, _stopping.Token);
    }

    public ValueTask<ProposalResult> ProposeAsync(ReadOnlyMemory<byte> command, int weight, CancellationToken cancellationToken)
    {
        if (command.Length > _limits.EntryBytesMax)
        {
            return new(_ledger.Refuse(ProposalStatus.TooLarge));
        }

        if (_cluster.LeadershipToken.IsCancellationRequested)
        {
            return new(_ledger.Refuse(ProposalStatus.NotLeader));
        }

        var proposal = new Proposal(command, Math.Max(weight, command.Length));
        if (!_waiting.Writer.TryWrite(proposal))
        {
            return new(_ledger.Refuse(_stopping.IsCancellationRequested ? ProposalStatus.Stopped : ProposalStatus.Overloaded));
        }

        return cancellationToken.CanBeCanceled ? AwaitAsync(proposal, cancellationToken) : new(proposal.Task);
    }

    /// <summary>
    /// Ends when no entry is in progress any more, and holds new entries back until the result is disposed; new proposals wait in the queue.
    /// </summary>
    /// <exception cref="OperationCanceledException">An entry was in progress for too long; no proposal is held back.</exception>
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
            proposal.Complete(_ledger.Refuse(ProposalStatus.Stopped));
        }

        _ledger.OnJumped(new LogPosition(long.MaxValue, long.MaxValue));
        _stopping.Dispose();
    }

    private static async ValueTask<ProposalResult> AwaitAsync(Proposal proposal, CancellationToken cancellationToken)
    {
        using var registration = cancellationToken.UnsafeRegister(static state => ((Proposal)state!).GiveUp(), proposal);
        return await proposal.Task.ConfigureAwait(false);
    }

    /// <summary>When the loop is requested to stop, <see cref="DisposeAsync"/> completes the proposals that still wait.</summary>
    private async Task RunAsync(CancellationToken stoppingToken)
    {
        while (await _waiting.Reader.WaitToReadAsync(stoppingToken).ConfigureAwait(false))
        {
            await _slots.WaitAsync(stoppingToken).ConfigureAwait(false);
            await _clock.WhenReadyAsync(stoppingToken).ConfigureAwait(false);
            if (TakeBatch() is { } batch)
            {
                // Handles every exception of the library: each one is a result of the proposals.
                _ = SendAsync(batch);
                if (_pauseAfter(batch.Entry.Payload.Length) is var pause && pause > TimeSpan.Zero)
                {
                    // The queue fills meanwhile: a proposal that would wait too long is refused on arrival.
                    await Task.Delay(pause, _time, stoppingToken).ConfigureAwait(false);
                }
            }
            else
            {
                _slots.Release();
            }
        }
    }

    private ProposedBatch? TakeBatch()
    {
        var proposals = new List<Proposal>();
        var bytes = EntryEnvelope.HeaderLength;
        while (proposals.Count < _limits.CommandsPerEntryMax && _waiting.Reader.TryPeek(out var next))
        {
            var size = next.Weight + EntryEnvelope.CommandOverhead;
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

        // The log accepts the entry only if this replica leads that term.
        var term = _cluster.Term;
        return _ledger.Begin(proposals, term, _stamps.Stamp(term));
    }

    private async Task SendAsync(ProposedBatch batch)
    {
        try
        {
            await _cluster.ReplicateAsync(batch.Entry, _stopping.Token).ConfigureAwait(false);
        }
        catch (Exception error) when (batch.Entry.Index == 0)
        {
            // Never appended, for whatever reason: certainly not executed.
            LogMessages.ProposalNotAppended(_logger, error.Message);
            _ledger.NeverAppended(batch, error is LogFailedException || _stopping.IsCancellationRequested ? ProposalStatus.Stopped : ProposalStatus.NotLeader);
        }
        catch (Exception error)
        {
            // Appended, then leadership was lost or the queue stops: apply, or the callers' timeout, decides it.
            LogMessages.ProposalOpen(_logger, batch.Entry.Index, error.Message);
        }
        finally
        {
            _slots.Release();
        }
    }

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
}
