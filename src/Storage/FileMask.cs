using System.Runtime.InteropServices;

namespace KvRaft.Storage;

/// <summary>
/// The file mode creation mask of the process. A node stores the data of its users in files that several libraries create (RocksDB among
/// them), each with a mode of its own choice. The mask applies to all of them.
/// </summary>
public static partial class FileMask
{
    /// <summary>Removes every permission of group and others: octal 077.</summary>
    private const uint OwnerOnly = 0x3f;

    /// <summary>
    /// From now on the process creates files with at most 0600 (0700 for directories and executables). Files that exist keep their mode. Called once, at the
    /// start of the process, because the mask belongs to all its threads.
    /// </summary>
    public static void RestrictToOwner()
    {
        if (!OperatingSystem.IsWindows())
        {
            _ = Umask(OwnerOnly);
        }
    }

    [LibraryImport("libc", EntryPoint = "umask")]
    private static partial uint Umask(uint mask);
}
