using RocksDbSharp;

namespace KvRaft.Storage.Engine;

/// <summary>
/// Maps RocksDB's status texts to the exceptions of this component. The binding passes on a text and no code, so the kind is read from the prefixes that
/// RocksDB (<c>util/status.cc</c>) and the C library (<c>strerror</c>) use.
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
            : IsOneOf(status, Damage) ? new StorageCorruptionException(message, error) { IsFailedWrite = IsOneOf(status, [DeviceError]) && !IsOneOf(status, Reading) }
            : new StorageException(message, error);
    }

    private static bool IsOneOf(string message, string[] words) => words.Any(word => message.Contains(word, StringComparison.OrdinalIgnoreCase));
}
