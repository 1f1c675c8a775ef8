using RocksDbSharp;

namespace KvRaft.Storage.Engine;

/// <summary>
/// Maps RocksDB's status texts to the exceptions of this component. The binding passes on a text and no code, so the kind is read from the code at
/// its beginning (RocksDB's <c>util/status.cc</c>) and from the text of the error number (<c>strerror</c> of the C library).
/// </summary>
internal static class RocksDbErrors
{
    /// <summary>
    /// Stored data cannot be read back: a checksum does not match, a table or the manifest is truncated or missing, or the device reports an unreadable sector
    /// (EIO). In each case a retry does not return the bytes.
    /// </summary>
    private static readonly string[] Damage = ["Corruption", "No such file or directory", DeviceError];

    private const string DeviceError = "Input/output error";

    /// <summary>The texts by which RocksDB (<c>env/io_posix.cc</c>) names a failed read; every other context writes, syncs or creates a file.</summary>
    private static readonly string[] Reading = ["While pread", "While reading", "for random read", "for sequential read", "While mmap", "read random"];

    /// <summary>ENOSPC and EDQUOT, and RocksDB's own sub-code for both.</summary>
    private static readonly string[] NoRoom = ["No space left on device", "Disk quota exceeded", "(No space)", "Space limit reached"];

    public static StorageException Translate(RocksDbException error, string action, string directory) => Translate(error.Message, error, action, directory);

    internal static StorageException Translate(string status, Exception error, string action, string directory)
    {
        var message = $"{action} in {directory} failed: {status}";

        // A full disk first: a write that RocksDB could not finish may be reported as damage further down in the same text.
        return IsOneOf(status, NoRoom) ? new StorageFullException(message, error)
            : IsUnavailable(status) ? new StorageUnavailableException(message, error)
            : IsOneOf(status, Damage) ? new StorageCorruptionException(message, error) { IsFailedWrite = IsOneOf(status, [DeviceError]) && !IsOneOf(status, Reading) }
            : new StorageException(message, error);
    }

    /// <summary>Also a status of damage whose cause is such an error: RocksDB reports a table that it cannot reach as corruption.</summary>
    private static bool IsUnavailable(string status) =>
        status.StartsWith("Resource busy", StringComparison.Ordinal)
        || (status.Contains("IO error", StringComparison.Ordinal) && EnvironmentFault.IsIn(status));

    private static bool IsOneOf(string message, string[] words) => words.Any(word => message.Contains(word, StringComparison.OrdinalIgnoreCase));
}
