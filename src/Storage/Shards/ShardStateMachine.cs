using KvRaft.Storage.Commands;
using KvRaft.Storage.Engine;
using KvRaft.Storage.Rules;
using KvRaft.Storage.Schema;
using KvRaft.Storage.Sessions;
using KvRaft.Storage.State;
using KvRaft.Topology;

namespace KvRaft.Storage.Shards;

/// <summary>
/// One replica of a shard: it applies a log of commands to keys and values.
/// <para>
/// <b>One batch.</b> An apply decodes the commands of its entries in order, and each command sees the effects of the ones before it
/// (<see cref="PendingChanges"/>). It writes everything at once: data, expiry index, sessions with their outcomes, and the row that
/// states "this is the state after entry 4711" (<see cref="ShardState"/>). A crash therefore leaves the state after some entry, never
/// between two, and a replay of the log from there is exact. The grouping of entries into applies does not change the result, so an apply
/// that has changed many bytes is written in several batches.
/// </para>
/// <para>
/// <b>Bounded answers.</b> A command of a few bytes can request megabytes (gets of a transaction, the value that a put replaces). The limit of its answer
/// is part
/// of the command. If the answer would hold more, every replica refuses the command before any part of it is applied. Values for answers are kept only
/// if a caller waits; the answer to a repeat is stored, and short.
/// </para>
/// <para>
/// <b>Determinism.</b> The stored state is a function of the log: commands and log time decide, in key order and by constant limits, which sessions are
/// evicted and which keys are purged. So replicas agree on every row, not only on what readers see, and
/// <see cref="Digest"/> may simply read the rows.
/// </para>
/// <para>
/// <b>Time.</b> The clock is the highest proposal time among the applied entries, within the bounds of <see cref="ShardClock"/>. A time-to-live is added to
/// this clock (<see cref="Expiry"/>). A key is absent for reads and conditions from the
/// moment the clock reaches its expiry. A <see cref="TickCommand"/> removes its rows later; the leader proposes it when
/// <see cref="DueCommand"/> returns one.
/// </para>
/// <para>
/// <b>Durability.</b> The replicated log is the write-ahead log. The engine flushes when its buffers are full, on
/// <see cref="Flush"/> and on checkpoints. The flushed state always ends with a state row, and that row is <see cref="Durable"/>.
/// </para>
/// <para>
/// <b>Readers</b> use the engine beside the applying thread. They must not see a newer state than <see cref="Applied"/> covers, or two reads in
/// sequence could go back in time: see <see cref="Published"/>.
/// </para>
/// <para>
/// <b>Faults.</b> Any exception out of an apply makes the instance unusable for further entries, because the extent of its
/// changes is unknown. Reads continue; they see the last complete batch.
/// </para>
/// </summary>
public sealed partial class ShardStateMachine : IShardStore
{
    private readonly ReplicaDirectory _directory;
    private readonly ShardSettings _settings;
    private readonly SessionTable _sessions;
    private readonly DueTimes _due = new();
    private readonly EngineBatch _batch = new();

    /// <summary>The state after the last complete apply and the engine that holds it. The applying thread replaces the whole object; all threads read
    /// it.</summary>
    private volatile Published _published;

    /// <summary>Set while a batch is being written: an engine read may already see it although <see cref="_published"/> does not include it.</summary>
    private volatile bool _writing;

    /// <summary>The fault that stopped the applying side; null while it works.</summary>
    private Exception? _fault;

    /// <summary>1 once <see cref="Faulted"/> was raised: the owner closes this instance, and later faults are consequences of the first.</summary>
    private int _isFaultTold;

    /// <summary>The last durable position that could be read.</summary>
    private volatile Durability _durable = new(LogPosition.None);

    private volatile bool _disposed;

    private ShardStateMachine(ReplicaDirectory directory, EngineHandle engine, ShardSettings settings, SessionLimits limits)
    {
        _directory = directory;
        _settings = settings;
        _sessions = new(limits);
        _published = new(engine, default);
        Adopt(engine);
    }

    /// <inheritdoc/>
    public event Action<StorageException>? Faulted;

    /// <inheritdoc/>
    public LogPosition Applied => _published.State.Applied;

    /// <inheritdoc/>
    public LogPosition Durable
    {
        get
        {
            using var lease = Lease();
            try
            {
                _durable = new(ShardState.Decode(lease.Engine.GetDurable(KeyLayout.ShardState)).Applied);
            }
            catch (StorageCorruptionException fault)
            {
                // Housekeeping and status read this property, and must continue for the other replicas.
                Tell(fault);
            }

            return _durable.Position;
        }
    }

    /// <inheritdoc/>
    public long Clock => _published.State.Clock;

    /// <inheritdoc/>
    public long ClockMs => Clock;

    /// <inheritdoc/>
    public long Revision => _published.State.Revision;

    /// <inheritdoc/>
    public long FirstExpiryMs => _due.FirstExpiryMs;

    /// <summary>For tests: receives each step of an install (see <see cref="ReplicaDirectory.StepDone"/>).</summary>
    internal Action<string>? InstallStepDone
    {
        set => _directory.StepDone = value;
    }

    /// <summary>Opens the replica in its own directory, and creates an empty one if there is none.</summary>
    /// <exception cref="StorageException">The directory cannot be opened now or is open already (<see cref="StorageUnavailableException"/>), its disk is full, or its files do not
    /// allow it (<see cref="StorageCorruptionException"/>).</exception>
    public static ShardStateMachine Open(string directory, IEngineFactory engines, ShardSettings settings) =>
        Open(directory, engines, settings, SessionLimits.Standard);

    /// <summary>Deletes a replica that is not open. A crash leaves all of it or none.</summary>
    public static void Drop(string directory) => ReplicaDirectory.Delete(directory);

    /// <summary>
    /// Applies entries in order, in one batch or a few. An entry at or below <see cref="Applied"/> was applied before: it is skipped and gets an
    /// empty list of outcomes.
    /// </summary>
    /// <exception cref="InvariantException">An entry is missing before one of these.</exception>
    /// <exception cref="UnsupportedCommandException">Another version of the software wrote a command.</exception>
    /// <exception cref="StorageException">The engine failed.</exception>
    public IReadOnlyList<IReadOnlyList<Outcome>> Apply(IReadOnlyList<CommittedEntry> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        ThrowIfUnusable();
        try
        {
            return ApplyBatch(entries);
        }
        catch (Exception error)
        {
            _fault = error;
            throw;
        }
    }

    /// <inheritdoc/>
    public ReadOnlyMemory<byte>? DueCommand(long nowMs) =>
        _due.FirstExpiryMs <= nowMs || _sessions.IsPurgeDue(_due, nowMs)
            ? CommandCodec.Encode(new TickCommand(_settings.TickRows))
            : default(ReadOnlyMemory<byte>?);

    /// <summary>Waits for running reads, then closes the engine, which flushes.</summary>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        _published.Handle.RetireAndWait();
    }

    internal static ShardStateMachine Open(string directory, IEngineFactory engines, ShardSettings settings, SessionLimits limits)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        ArgumentNullException.ThrowIfNull(engines);
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentOutOfRangeException.ThrowIfLessThan(settings.TickRows, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(settings.TickRows, ShardLimits.TickRowsMax);
        try
        {
            return OpenFiles(directory, engines, settings, limits);
        }
        catch (Exception error) when (OpenFault.Concerns(error))
        {
            throw OpenFault.Of(error, directory);
        }
    }

    private static ShardStateMachine OpenFiles(string directory, IEngineFactory engines, ShardSettings settings, SessionLimits limits)
    {
        var replica = ReplicaDirectory.Open(directory, engines);
        var engine = replica.OpenEngine();
        try
        {
            return new(replica, engine, settings, limits);
        }
        catch
        {
            engine.Retire();
            throw;
        }
    }

    private IReadOnlyList<Outcome>[] ApplyBatch(IReadOnlyList<CommittedEntry> entries)
    {
        var context = NewContext();
        var outcomes = new IReadOnlyList<Outcome>[entries.Count];
        for (var i = 0; i < outcomes.Length; i++)
        {
            if (context.Changes.BytesSet >= ShardLimits.ApplyBatchBytesMax)
            {
                Write(context);
                context = NewContext();
            }

            outcomes[i] = entries[i].Position.Index <= context.State.Applied.Index ? [] : ApplyEntry(context, entries[i]);
        }

        Write(context);
        return outcomes;
    }

    private ApplyContext NewContext() => new(new(_published.Handle.Engine), _published.State, _due);

    private Outcome[] ApplyEntry(ApplyContext context, CommittedEntry entry)
    {
        var applier = new CommandApplier(context, _sessions);
        context.AnswersWanted = entry.AnswersWanted;
        var applied = context.State.Applied;
        Invariant.Holds(entry.Position.Index == applied.Index + 1, $"Entry {entry.Position} cannot follow {applied}: the log has a gap.");
        Invariant.Holds(entry.Position.Term >= applied.Term, $"Entry {entry.Position} follows {applied}: the term fell.");
        context.State.Clock = ShardClock.After(context.State.Clock, entry.ProposedAtMs, entry.IsClockStep);
        var outcomes = new Outcome[entry.Commands.Count];
        for (var i = 0; i < outcomes.Length; i++)
        {
            outcomes[i] = applier.Apply(entry.Commands[i]);
        }

        context.State.Applied = entry.Position;
        return outcomes;
    }

    private void Write(ApplyContext context)
    {
        var handle = _published.Handle;
        if (context.State.Applied == _published.State.Applied)
        {
            return;
        }

        context.Changes.Put(KeyLayout.ShardState.ToArray(), context.State.Encode());
        _batch.Clear();
        context.Changes.WriteTo(_batch);
        _writing = true;
        handle.Engine.Write(_batch);
        _published = new(handle, context.State);
        _writing = false;
    }

    /// <summary>Makes the content of an engine the state, and finds the first rows of its time indexes.</summary>
    private void Adopt(EngineHandle handle)
    {
        var state = ShardState.Decode(handle.Engine.Get(KeyLayout.ShardState));
        _sessions.Reset();
        using (var snapshot = handle.Engine.TakeSnapshot())
        {
            _due.ExpiriesStartAt(FirstTime(snapshot, KeyLayout.ExpiryPrefix));
            SessionTable.FindFirstIdle(snapshot, _due);
        }

        _published = new(handle, state);
    }

    private static long FirstTime(IEngineSnapshot snapshot, byte prefix)
    {
        using var rows = snapshot.Scan([prefix], KeyLayout.AfterPrefix([prefix]));
        return rows.MoveNext() ? KeyLayout.TimeOf(rows.Key) : DueTimes.Never;
    }

    private void Tell(StorageException fault)
    {
        if (Interlocked.Exchange(ref _isFaultTold, 1) == 0)
        {
            Faulted?.Invoke(fault);
        }
    }

    /// <summary>A position is two machine values; readers on other threads must not see half of each.</summary>
    private sealed record Durability(LogPosition Position);

    private void ThrowIfUnusable()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_fault is { } fault)
        {
            throw new StorageException("The replica failed before and accepts no more entries.", fault);
        }
    }
}
