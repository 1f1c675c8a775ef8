namespace KvRaft.Storage;

/// <summary>
/// Classifies what prevents the opening of a replica's own directory. If the disk has room and the environment grants the access, the files themselves prevent it, in whatever way: a file is missing,
/// has other bytes, or is a directory. The replica is then rebuilt, and its files are set aside; so an unknown error leads to a repair and not to a replica that is never opened.
/// </summary>
public static class OpenFault
{
    /// <summary>EIO of Linux. If a table cannot be read, the engine reports damage; if a directory cannot be created or synced, the device fails, and setting files aside does not help.</summary>
    private const int DeviceError = 5;

    /// <summary>An error that <see cref="Of"/> classifies; any other is a bug.</summary>
    public static bool Concerns(Exception error) => error is IOException or UnauthorizedAccessException or StorageException;

    /// <summary>The exception that states what helps: room, a retry, or a rebuild.</summary>
    public static StorageException Of(Exception error, string directory)
    {
        ArgumentNullException.ThrowIfNull(error);
        var message = $"{directory} cannot be opened: {error.Message}";
        return error switch
        {
            StorageFullException or StorageUnavailableException or StorageCorruptionException => (StorageException)error,
            _ when FullDisk.Is(error) => new StorageFullException(message, error),
            _ when EnvironmentFault.Is(error) => new StorageUnavailableException(message, error),
            IOException { HResult: DeviceError } => new StorageException(message, error),
            _ => new StorageCorruptionException(message, error),
        };
    }
}
