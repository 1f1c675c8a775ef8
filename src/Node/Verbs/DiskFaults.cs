using KvRaft.Storage;

namespace KvRaft.Node.Verbs;

/// <summary>What an exception shows about the data disk.</summary>
internal enum DiskFault
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>It was full.</summary>
    NoRoom,

    /// <summary>It failed.</summary>
    Failed,
}

/// <summary>Classifies exceptions of closing. Pure.</summary>
internal static class DiskFaults
{
    /// <summary>The worst of several faults; <see cref="DiskFault.None"/> as soon as one is not a fault of the disk, so that it is not hidden.</summary>
    public static DiskFault Of(Exception? error) => error switch
    {
        null => DiskFault.None,
        AggregateException several => several.InnerExceptions.Select(Of).ToArray() is { Length: > 0 } faults && !faults.Contains(DiskFault.None) ? faults.Max() : DiskFault.None,
        StorageFullException => DiskFault.NoRoom,
        _ when FullDisk.Is(error) => DiskFault.NoRoom,
        StorageException or IOException => DiskFault.Failed,
        _ => DiskFault.None,
    };
}
