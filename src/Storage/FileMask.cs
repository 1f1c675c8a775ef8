using System.Runtime.InteropServices;

namespace KvRaft.Storage;

/// <summary>
/// The file mode creation mask of the process. A node stores user data in files that several libraries create (RocksDB among
/// them), each with its own mode. The mask applies to all of them.
/// </summary>
public static partial class FileMask
{
    /// <summary>Removes every permission of group and others: octal 077.</summary>
    private const uint OwnerOnly = 0x3f;

    /// <summary>
    /// Makes the process create files with at most 0600 (0700 for directories and executables). Existing files keep their mode. Called once, at the
    /// start of the process, because the mask applies to all its threads.
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
