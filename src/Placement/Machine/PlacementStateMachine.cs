using System.Buffers.Binary;
using System.Security.Cryptography;
using KvRaft.Placement.Codecs;
using KvRaft.Placement.Rules;
using KvRaft.Placement.State;
using KvRaft.Placement.Store;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Placement.Machine;

/// <summary>
/// The state machine of group 0. It keeps the whole <see cref="PlacementState"/> in memory (a few hundred KB in the largest cluster) and one small
/// file on disk (<see cref="PlacementStore"/>), which each flush replaces as a whole. Changes since the last flush are in the log, as for every state
/// machine.
/// <para>
/// <see cref="State"/> is one immutable value that any thread may read at any time. A component that acts on a change subscribes to
/// <see cref="Changed"/> or awaits <see cref="WaitForAsync"/>; polling is not needed.
/// </para>
/// </summary>
public sealed class PlacementStateMachine : IReplicatedStateMachine
{
    private readonly PlacementStore _store;

    // State and position are published together, so that a reader sees both or neither. Written by the applying thread.
    private volatile Snapshot _current;

    // The state that every handler of Changed has received; waiters evaluate their conditions on it.
    private volatile PlacementState _announced;

    private volatile Mark _durable;

    // Completed and replaced after each publication. A waiter takes it before it reads the state, so it cannot miss a change.
    private volatile TaskCompletionSource _changed = NewSignal();
    private volatile bool _disposed;

    private PlacementStateMachine(PlacementStore store, Snapshot current)
    {
        _store = store;
        _current = current;
        _announced = current.State;
        _durable = new Mark(current.Applied);
    }

    /// <summary>
    /// A new state was published, by a command or by the installation of a checkpoint. Raised on the applying thread, in order: a handler records the
    /// change and returns; it neither blocks nor throws (a handler that throws stops the replica).
    /// </summary>
    public event Action<PlacementState>? Changed;

    public LogPosition Applied => _current.Applied;

    public LogPosition Durable => _durable.Position;

    /// <summary>The state at <see cref="Applied"/>.</summary>
    public PlacementState State => _current.State;

    /// <summary>Opens the state in a directory and creates the directory if it is missing; without a file the state is empty.</summary>
    /// <exception cref="StorageCorruptionException">The file is damaged or of an unsupported version, or a file or directory has the place of the other.</exception>
    /// <exception cref="StorageException">The disk is full, or the system refuses the access.</exception>
    public static PlacementStateMachine Open(string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        try
        {
            return Open(new PlacementStore(directory));
        }
        catch (Exception error) when (OpenFault.Concerns(error))
        {
            throw OpenFault.Of(error, directory);
        }
    }

    internal static PlacementStateMachine Open(PlacementStore store)
    {
        if (store.Read() is not { } bytes)
        {
            return new PlacementStateMachine(store, new Snapshot(PlacementState.Empty, LogPosition.None));
        }

        try
        {
            var (state, position) = PlacementStateCodec.DecodeFile(bytes);
            return new PlacementStateMachine(store, new Snapshot(state, position));
        }
        catch (PlacementFormatException damaged)
        {
            throw new StorageCorruptionException($"{store.FilePath}: {damaged.Message}", damaged);
        }
    }

    /// <summary>
    /// The first state from now on for which <paramref name="condition"/> holds; returns at once if it holds already. All handlers of
    /// <see cref="Changed"/> have run before the wait ends, so a waiter finds everything on this node at least as new as the state.
    /// </summary>
    /// <param name="condition">Evaluated for the current state and after changes; intermediate states may be skipped.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="ObjectDisposedException">The state machine was closed during the wait.</exception>
    public async Task<PlacementState> WaitForAsync(Func<PlacementState, bool> condition, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(condition);
        while (true)
        {
            var signal = _changed;
            var state = _announced;
            if (condition(state))
            {
                return state;
            }

            ObjectDisposedException.ThrowIf(_disposed, this);
            await signal.Task.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    public IReadOnlyList<IReadOnlyList<Outcome>> Apply(IReadOnlyList<CommittedEntry> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        ObjectDisposedException.ThrowIf(_disposed, this);
        var (state, applied) = _current;
        var outcomes = new IReadOnlyList<Outcome>[entries.Count];
        for (var i = 0; i < outcomes.Length; i++)
        {
            var entry = entries[i];
            Invariant.Holds(entry.Position.Index == applied.Index + 1, "Entries come in order and without gaps");
            var answers = new Outcome[entry.Commands.Count];
            for (var j = 0; j < answers.Length; j++)
            {
                (state, answers[j]) = PlacementRules.Apply(state, PlacementCommandCodec.Decode(entry.Commands[j].Span));
            }

            outcomes[i] = answers;
            applied = entry.Position;
        }

        Publish(new Snapshot(state, applied));
        return outcomes;
    }

    public void Flush()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var (state, applied) = _current;
        if (applied == Durable)
        {
            return;
        }

        _store.Write(PlacementStateCodec.EncodeFile(state, applied));
        _durable = new Mark(applied);
    }

    public LogPosition SaveCheckpoint(string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        ObjectDisposedException.ThrowIf(_disposed, this);
        var (state, applied) = _current;
        PlacementStore.WriteCheckpoint(directory, PlacementStateCodec.EncodeFile(state, applied));
        return applied;
    }

    public void InstallCheckpoint(string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        ObjectDisposedException.ThrowIf(_disposed, this);
        var installed = Read(directory);
        if (installed.Applied.Index < Applied.Index)
        {
            throw new ArgumentException($"The checkpoint is at {installed.Applied}, this replica at {Applied} already.", nameof(directory));
        }

        _store.Install(directory);
        _durable = new Mark(installed.Applied);
        Publish(installed);
    }

    /// <summary>The first 8 bytes of the SHA-256 of the encoded state.</summary>
    public ulong Digest() => BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(PlacementStateCodec.EncodeState(State)));

    /// <summary>The passage of time changes nothing in group 0.</summary>
    public ReadOnlyMemory<byte>? DueCommand(long nowMs) => null;

    /// <summary>Ends the waits. Changes that were not flushed are in the log.</summary>
    public void Dispose()
    {
        _disposed = true;
        _changed.TrySetResult();
    }

    private static Snapshot Read(string directory)
    {
        try
        {
            var (state, position) = PlacementStateCodec.DecodeFile(PlacementStore.ReadCheckpoint(directory));
            return new Snapshot(state, position);
        }
        catch (PlacementFormatException damaged)
        {
            throw new InvalidDataException($"{directory}: {damaged.Message}", damaged);
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Publish(Snapshot next)
    {
        var before = _current.State;
        _current = next;
        if (ReferenceEquals(before, next.State))
        {
            return;
        }

        Changed?.Invoke(next.State);
        _announced = next.State;
        var signal = _changed;
        _changed = NewSignal();
        signal.TrySetResult();
    }

    private sealed record Snapshot(PlacementState State, LogPosition Applied);

    // A position consists of two machine words; a reader on another thread must not see one old and one new.
    private sealed record Mark(LogPosition Position);
}
