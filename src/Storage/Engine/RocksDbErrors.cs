using RocksDbSharp;

namespace KvRaft.Storage.Engine;

/// <summary>
/// Turns RocksDB's status texts into the component's exceptions. The binding hands on a text and no code, so the kind is read from the words with which
/// RocksDB (<c>util/status.cc</c>) and the C library (<c>strerror</c>) begin.
/// </summary>
internal static class RocksDbErrors
{
    /// <summary>
    /// Stored data cannot be read back: a checksum does not match, a table or the manifest is cut short or missing, or the device reports an unreadable sector
    /// (EIO). In each case the same bytes will not come back by asking again.
    /// </summary>
    private static readonly string[] Damage = ["Corruption", "No such file or directory", DeviceError];

    private const string DeviceError = "Input/output error";

    /// <summary>How RocksDB (<c>env/io_posix.cc</c>) names what it did when a read failed; every other context writes, syncs or makes a file.</summary>
    private static readonly string[] Reading = ["While pread", "While reading", "for random read", "for sequential read", "While mmap", "read random"];

    /// <summary>ENOSPC and EDQUOT, and RocksDB's own sub-code for both.</summary>
    private static readonly string[] NoRoom = ["No space left on device", "Disk quota exceeded", "(No space)", "Space limit reached"];

    public static StorageException Translate(RocksDbException error, string action, string directory) => Translate(error.Message, error, action, directory);

    internal static StorageException Translate(string status, Exception error, string action, string directory)
    {
        var message = $"{action} in {directory} failed: {status}";

        // Without room first: what RocksDB could not finish writing may be reported as damage further down in the same text.
        return IsOneOf(status, NoRoom) ? new StorageFullException(message, error)
            : IsOneOf(status, Damage) ? new StorageCorruptionException(message, error) { IsFailedWrite = IsOneOf(status, [DeviceError]) && !IsOneOf(status, Reading) }
            : new StorageException(message, error);
    }

    private static bool IsOneOf(string message, string[] words) => words.Any(word => message.Contains(word, StringComparison.OrdinalIgnoreCase));
}
