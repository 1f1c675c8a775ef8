using System.Text;
using Microsoft.Win32.SafeHandles;

namespace KvRaft.Storage;

/// <summary>
/// Files and directory entries that survive a power loss. A rename is durable only after an fsync of the directory that holds it.
/// .NET does not open directories, so that fsync is a call of libc (<see cref="PosixDirectory"/>).
/// </summary>
public static class DurableFile
{
    /// <summary>The suffix of a file until it is complete. A leftover file with this suffix is garbage.</summary>
    public const string TemporarySuffix = ".tmp";

    /// <summary>Writes the whole file or nothing: temporary name, fsync, rename, fsync of the directory.</summary>
    /// <exception cref="IOException">The file could not be written or made durable.</exception>
    public static void WriteAllText(string path, string text) => WriteAllBytes(path, Encoding.UTF8.GetBytes(text));

    /// <inheritdoc cref="WriteAllText"/>
    public static void WriteAllBytes(string path, ReadOnlySpan<byte> content)
    {
        var temporary = path + TemporarySuffix;
        using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            file.Write(content);
            file.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
        SyncDirectory(Path.GetDirectoryName(path)!);
    }

    /// <summary>Deletes a file, or a directory with its content; nothing if there is neither.</summary>
    public static void Delete(string path)
    {
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }
        else
        {
            File.Delete(path);
        }
    }

    /// <summary>Moves a directory (or a file in its place) to a name that does not exist, durably. The caller must sync the files in it first.</summary>
    public static void MoveDirectory(string from, string to)
    {
        Directory.Move(from, to);
        SyncDirectory(Path.GetDirectoryName(to)!);
    }

    /// <summary>fsync of a file that other code wrote.</summary>
    public static void SyncFile(string path)
    {
        using SafeFileHandle handle = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        RandomAccess.FlushToDisk(handle);
    }

    /// <summary>fsync of a directory. On Windows the file system journals names, and there is nothing to do.</summary>
    public static void SyncDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        PosixDirectory.Sync(path);
    }
}
