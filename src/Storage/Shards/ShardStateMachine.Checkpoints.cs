using KvRaft.Storage.Engine;
using KvRaft.Storage.Schema;
using KvRaft.Storage.State;

namespace KvRaft.Storage.Shards;

/// <content>Flush, copy, and replacement by a copy. Called by the applying side, one at a time.</content>
public sealed partial class ShardStateMachine
{
    /// <summary>Less than this does not justify a rewrite of everything.</summary>
    private const long GarbageBytesMin = 16L << 20;

    /// <inheritdoc/>
    public void Flush()
    {
        ThrowIfUnusable();
        _published.Handle.Engine.Flush();
    }

    /// <summary>
    /// Rows are compressed, so tables that are half as large again as their rows, and 16 MiB beyond, hold mostly deleted or replaced rows. Without a
    /// compaction the engine
    /// would keep those rows until writes to the same keys reach the same level.
    /// </summary>
    public void Rest()
    {
        using var lease = Lease();
        var state = lease.Published.State;
        if (IsCompactionWorthwhile(lease.Engine.Statistics.DiskBytes, state.DataBytes + state.SessionBytes))
        {
            lease.Engine.Compact();
        }
    }

    /// <summary>Pure.</summary>
    internal static bool IsCompactionWorthwhile(long diskBytes, long liveBytes) => diskBytes > liveBytes + (liveBytes / 2) + GarbageBytesMin;

    /// <inheritdoc/>
    public void Probe()
    {
        using var lease = Lease();
        try
        {
            lease.Engine.Probe();
        }
        catch (StorageException fault)
        {
            Tell(fault);
        }
    }

    /// <inheritdoc/>
    public LogPosition SaveCheckpoint(string directory)
    {
        var (position, complete) = TakeCheckpoint(directory);
        complete();
        return position;
    }

    /// <inheritdoc/>
    public (LogPosition Position, Action Complete) TakeCheckpoint(string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        ThrowIfUnusable();
        var published = _published;
        return (published.State.Applied, _directory.TakeCheckpoint(published.Handle.Engine, directory, published.State.Applied));
    }

    /// <summary>
    /// Replaces the whole state by a checkpoint (<see cref="ReplicaDirectory"/> has the steps). Readers see the old state until the
    /// new one is open, and finish on the engine on which they began.
    /// </summary>
    /// <exception cref="InvalidDataException">The directory is not a complete checkpoint, or the position of its rows differs from the one it
    /// states.</exception>
    /// <exception cref="ArgumentException">The checkpoint is older than the state applied here.</exception>
    public void InstallCheckpoint(string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        ThrowIfUnusable();
        var manifest = CheckpointManifest.ReadAndVerify(directory);
        if (manifest.Position.Index < Applied.Index)
        {
            throw new ArgumentException($"The checkpoint is at {manifest.Position}, this replica at {Applied} already.", nameof(directory));
        }

        var replaced = _published.Handle;
        var generation = _directory.Generation;
        try
        {
            AdoptOrRetire(_directory.Install(directory, engine => Check(engine, manifest)));
        }
        catch (Exception error) when (_directory.Generation != generation)
        {
            // After the rename the files are the new state and the open engine is the old one: only a restart can continue.
            _fault = error;
            throw;
        }

        _directory.RetireReplaced(replaced);
    }

    private void AdoptOrRetire(EngineHandle handle)
    {
        try
        {
            Adopt(handle);
        }
        catch
        {
            handle.Retire();
            throw;
        }
    }

    private static void Check(IStorageEngine engine, CheckpointManifest manifest)
    {
        try
        {
            // The checksums of the manifest are of the copied files: a table that was damaged at its source has a correct one.
            engine.VerifyChecksums();
        }
        catch (StorageCorruptionException damaged)
        {
            throw new InvalidDataException($"The checkpoint at {manifest.Position} was made from damaged files: {damaged.Message}", damaged);
        }

        var position = ShardState.Decode(engine.Get(KeyLayout.ShardState)).Applied;
        if (position != manifest.Position)
        {
            throw new InvalidDataException($"The checkpoint states position {manifest.Position}, but its rows are at {position}.");
        }
    }
}
