using KvRaft.Raft.Digests;
using KvRaft.Raft.Log;
using KvRaft.Raft.Proposals;
using KvRaft.Raft.Telemetry;
using KvRaft.Storage;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Consensus;

/// <summary>
/// Takes committed entries from the log and applies them to the state machine: many entries in one call, in order, each once. Only this class
/// calls the writing members of the state machine, one call at a time.
/// <para>
/// If the state machine throws, it cannot continue (disk, memory, a broken invariant). The replica stops, because a second
/// attempt at the same entry could end differently from the first attempt of the other replicas.
/// </para>
/// </summary>
internal sealed class Applier : IAsyncDisposable
{
    /// <summary>Maximum entries in one apply. They share a write batch and one sync of the progress.</summary>
    private const int EntriesPerApplyMax = 64;

    /// <summary>Maximum bytes of those entries; a larger entry is applied alone. Sixty-four full entries would be 256 MiB, in each group that catches up.</summary>
    private const int EntryBytesPerApplyMax = 8 << 20;

    private readonly GroupLog _log;
    private readonly IReplicatedStateMachine _machine;
    private readonly ApplyProgress _progress;
    private readonly Func<long> _commitIndex;
    private readonly Func<EntryId, bool> _isWaitedFor;
    private readonly Action<LogPosition, EntryId?, IReadOnlyList<Outcome>> _applied;
    private readonly Action<Exception> _failed;
    private readonly ILogger _logger;
    private readonly DigestPoint _digests;
    private readonly SemaphoreSlim _wake = new(0);
    private readonly SemaphoreSlim _machineTurn = new(1);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _running;
    private int _woken;

    /// <summary>Nothing is applied while the state is being replaced: the log no longer has the entries that the state lacks.</summary>
    private volatile bool _isHeld;

    public Applier(
        GroupLog log,
        IReplicatedStateMachine machine,
        ApplyProgress progress,
        Func<long> commitIndex,
        Func<EntryId, bool> isWaitedFor,
        Action<LogPosition, EntryId?, IReadOnlyList<Outcome>> applied,
        Action<Exception> failed,
        bool isHeld,
        DigestPoint digests,
        ILogger logger)
    {
        _isHeld = isHeld;
        _digests = digests;
        _log = log;
        _machine = machine;
        _progress = progress;
        _commitIndex = commitIndex;
        _isWaitedFor = isWaitedFor;
        _applied = applied;
        _failed = failed;
        _logger = logger;
        _running = Task.Run(RunAsync);
    }

    /// <summary>Signals that the commit index rose. Cheap; callable from any thread.</summary>
    public void Wake()
    {
        if (Interlocked.Exchange(ref _woken, 1) == 0)
        {
            _wake.Release();
        }
    }

    /// <summary>The state machine has a state that the log continues.</summary>
    public void Release()
    {
        _isHeld = false;
        Wake();
    }

    /// <summary>Runs an action on the state machine between two applies; meanwhile nothing is applied.</summary>
    public async Task<T> BetweenAppliesAsync<T>(Func<IReplicatedStateMachine, T> action, CancellationToken cancellationToken)
    {
        await _machineTurn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            // The action does disk I/O; the caller may be a timer or a network thread.
            return await Task.Run(() => action(_machine), CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            _machineTurn.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);

        // The apply in progress finishes first.
        await _machineTurn.WaitAsync().ConfigureAwait(false);
        _wake.Dispose();
        _machineTurn.Dispose();
        _stopping.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                await _wake.WaitAsync(_stopping.Token).ConfigureAwait(false);
                Volatile.Write(ref _woken, 0);
                while (!_isHeld && _progress.Applied < _commitIndex() && !_stopping.IsCancellationRequested)
                {
                    await ApplyNextAsync().ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // The applier stops: committed entries that are not applied are applied after the next start.
        }
        catch (Exception error)
        {
            LogMessages.ApplyFailed(_logger, _log.Key.Group.Value, _progress.Applied, error);
            _progress.Fail(error);
            _failed(error);
        }
    }

    private async ValueTask ApplyNextAsync()
    {
        await _machineTurn.WaitAsync(_stopping.Token).ConfigureAwait(false);
        try
        {
            var from = _machine.Applied.Index + 1;
            var to = Math.Min(_commitIndex(), from + EntriesPerApplyMax - 1);
            if (from > to)
            {
                // A checkpoint was installed meanwhile.
                _progress.Advance(_machine.Applied.Index);
                return;
            }

            Apply(_log.ReadSome(from, _digests.Limit(from, to), EntryBytesPerApplyMax));
            _digests.Reached(_machine);
        }
        finally
        {
            _machineTurn.Release();
        }
    }

    private void Apply(IReadOnlyList<LogEntry> entries)
    {
        var (committed, ids) = CommittedEntries.Decode(entries);
        for (var i = 0; i < committed.Length; i++)
        {
            // Outcomes are decoded only if a proposal waits for them: not on followers, and not in a replay.
            committed[i] = committed[i] with { AnswersWanted = ids[i] is { } id && _isWaitedFor(id) };
        }

        var outcomes = _machine.Apply(committed);
        for (var i = 0; i < committed.Length; i++)
        {
            _applied(committed[i].Position, ids[i], outcomes[i]);
        }

        _progress.Advance(entries[^1].Index);
    }
}
