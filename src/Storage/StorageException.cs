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
}
