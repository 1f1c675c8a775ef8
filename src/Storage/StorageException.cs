namespace KvRaft.Storage;

/// <summary>The engine of one replica failed (disk, memory, file system). The replica stops; going on would let copies diverge.</summary>
public class StorageException : Exception
{
    public StorageException(string message)
        : base(message)
    {
    }

    public StorageException(string message, Exception inner)
        : base(message, inner)
    {
    }
}

/// <summary>What was read is not what was written. The replica stops and is rebuilt from a healthy one.</summary>
public sealed class StorageCorruptionException : StorageException
{
    public StorageCorruptionException(string message)
        : base(message)
    {
    }

    public StorageCorruptionException(string message, Exception inner)
        : base(message, inner)
    {
    }

    /// <summary>
    /// The device failed a write or a sync, rather than a read: what it holds of that write is not known. An engine that is its own journal cannot go on after it; one that is
    /// replayed from the replicated log can.
    /// </summary>
    public bool IsFailedWrite { get; init; }
}

/// <summary>
/// The disk has no room for what the engine had to write. Nothing that was written before is lost or doubtful: once there is room, the replica is closed,
/// opened again, and replays from the log what the engine had not flushed.
/// </summary>
public sealed class StorageFullException : StorageException
{
    public StorageFullException(string message)
        : base(message)
    {
    }

    public StorageFullException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
