namespace KvRaft.Storage;

/// <summary>The engine of one replica failed (disk, memory, file system). The replica stops; if it continued, copies would diverge.</summary>
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

/// <summary>The bytes that were read differ from the bytes that were written. The replica stops and is rebuilt from a healthy one.</summary>
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
    /// The device failed a write or a sync, not a read: how much of that write it holds is unknown. An engine with its own journal cannot continue after it;
    /// one that
    /// the replicated log replays can.
    /// </summary>
    public bool IsFailedWrite { get; init; }
}

/// <summary>
/// The disk is full. Nothing that was written before is lost or doubtful: once there is free space, the replica is closed,
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

/// <summary>
/// The system refused a descriptor, memory, access or a lock. Nothing that was written before is lost or doubtful: the replica is closed, and opened again after a wait.
/// </summary>
public sealed class StorageUnavailableException : StorageException
{
    public StorageUnavailableException(string message)
        : base(message)
    {
    }

    public StorageUnavailableException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
