using System.Text;
using Microsoft.Win32.SafeHandles;

namespace KvRaft.Storage;

/// <summary>
/// Files and directory entries that survive a power cut. A rename is only durable once the directory that holds it was fsynced,
/// and .NET opens no directories, so that fsync is a call of libc (<see cref="PosixDirectory"/>).
/// </summary>
public static class DurableFile
{
    /// <summary>What a file is called until it is complete. A leftover of this name is garbage.</summary>
    public const string TemporarySuffix = ".tmp";

    /// <summary>Writes the whole file or nothing: temporary name, fsync, rename, fsync of the directory.</summary>
    /// <exception cref="IOException">It could not be written, or not be made durable.</exception>
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

    /// <summary>Moves a directory to a name that does not exist, durably. The files in it are the caller's to sync first.</summary>
    public static void MoveDirectory(string from, string to)
    {
        Directory.Move(from, to);
        SyncDirectory(Path.GetDirectoryName(to)!);
    }

    /// <summary>fsync of a file that somebody else wrote.</summary>
    public static void SyncFile(string path)
    {
        using SafeFileHandle handle = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        RandomAccess.FlushToDisk(handle);
    }

    /// <summary>fsync of a directory. On Windows names are journaled by the file system and there is nothing to do.</summary>
    public static void SyncDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        PosixDirectory.Sync(path);
    }
}
