using RocksDbSharp;

namespace KvRaft.Storage.Engine;

/// <summary>Turns RocksDB's status texts into the room's exceptions.</summary>
internal static class RocksDbErrors
{
    /// <summary>How RocksDB begins the text of <c>Status::Corruption</c> (<c>util/status.cc</c>); wrapped statuses repeat it inside.</summary>
    private const string CorruptionPrefix = "Corruption";

    public static StorageException Translate(RocksDbException error, string action, string directory)
    {
        var message = $"{action} in {directory} failed: {error.Message}";
        return error.Message.Contains(CorruptionPrefix, StringComparison.Ordinal)
            ? new StorageCorruptionException(message, error)
            : new StorageException(message, error);
    }
}
