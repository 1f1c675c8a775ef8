using System.ComponentModel;
using System.Runtime.InteropServices;
using KvRaft.Storage;

namespace KvRaft.Placement.Store;

/// <summary>
/// The file that holds the state of group 0. Each write replaces the whole file: the content is written under a temporary name and fsynced, the file
/// is renamed over the old one, and the directory is fsynced. After a crash the file holds either the old content or the new. A failed step throws
/// and is not retried: after a failed fsync the content of the disk is unknown, so the replica stops.
/// </summary>
/// <remarks>Only one thread may call it at a time.</remarks>
internal sealed partial class PlacementStore
{
    public const string FileName = "placement.state";

    private const string TemporaryName = FileName + ".tmp";

    private readonly string _directory;

    public PlacementStore(string directory)
    {
        _directory = Path.GetFullPath(directory);
        Directory.CreateDirectory(_directory);
        DurableFile.Delete(Path.Combine(_directory, TemporaryName)); // A crash can leave a partly written file.
    }

    /// <summary>The points at which a crash makes a difference.</summary>
    internal enum Step
    {
        Created,
        Written,
        Synced,
        Renamed,
        DirectorySynced,
    }

    public string FilePath => Path.Combine(_directory, FileName);

    /// <summary>Called after each step; tests crash here.</summary>
    internal Action<Step>? Reached { get; init; }

    /// <summary>The content, or null if the file does not exist.</summary>
    /// <exception cref="StorageCorruptionException">There is a directory in its place.</exception>
    public byte[]? Read() =>
        File.Exists(FilePath) ? File.ReadAllBytes(FilePath)
        : Directory.Exists(FilePath) ? throw new StorageCorruptionException($"{FilePath} is a directory and not a file.")
        : null;

    /// <summary>Replaces the content of the file with <paramref name="content"/>, durably.</summary>
    /// <exception cref="IOException">A step failed, or the system refuses the access. The file has its old content, and the next write begins anew.</exception>
    public void Write(ReadOnlySpan<byte> content)
    {
        try
        {
            WriteAnew(content);
        }
        catch (UnauthorizedAccessException refused)
        {
            // .NET has another type for this one error; callers repeat a write after an error of the file system.
            throw new IOException(refused.Message, refused);
        }
    }

    private void WriteAnew(ReadOnlySpan<byte> content)
    {
        var temporary = Path.Combine(_directory, TemporaryName);
        using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0))
        {
            Reached?.Invoke(Step.Created);
            file.Write(content);
            Reached?.Invoke(Step.Written);
            file.Flush(flushToDisk: true);
        }

        Reached?.Invoke(Step.Synced);
        Replace(temporary);
    }

    /// <summary>Replaces the file with the file of a checkpoint, durably, and removes the checkpoint.</summary>
    public void Install(string checkpoint)
    {
        var received = Path.Combine(checkpoint, FileName);
        using (var file = File.OpenHandle(received, FileMode.Open, FileAccess.ReadWrite))
        {
            RandomAccess.FlushToDisk(file); // The checkpoint may have been received over the network without an fsync.
        }

        Reached?.Invoke(Step.Synced);
        Replace(received);
        Directory.Delete(checkpoint, recursive: true);
    }

    /// <summary>Writes a checkpoint: a new directory that holds one file of the same name and content.</summary>
    /// <exception cref="IOException">The directory exists.</exception>
    public static void WriteCheckpoint(string directory, ReadOnlySpan<byte> content)
    {
        if (Path.Exists(directory))
        {
            throw new IOException($"'{directory}' exists already.");
        }

        Directory.CreateDirectory(directory);
        new PlacementStore(directory).Write(content);
        SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(directory))!);
    }

    /// <exception cref="InvalidDataException">The directory holds no checkpoint.</exception>
    public static byte[] ReadCheckpoint(string directory)
    {
        var file = Path.Combine(directory, FileName);
        return File.Exists(file) ? File.ReadAllBytes(file) : throw new InvalidDataException($"'{directory}' holds no {FileName}.");
    }

    private void Replace(string source)
    {
        File.Move(source, FilePath, overwrite: true);
        Reached?.Invoke(Step.Renamed);
        SyncDirectory(_directory);
        Reached?.Invoke(Step.DirectorySynced);
    }

    // A rename is durable once the directory is fsynced, and .NET cannot open a directory. NTFS journals file names.
    private static void SyncDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var descriptor = LibC.Open(path, 0);
        if (descriptor < 0)
        {
            throw LastError("open", path);
        }

        try
        {
            if (LibC.FSync(descriptor) != 0)
            {
                throw LastError("fsync", path);
            }
        }
        finally
        {
            _ = LibC.Close(descriptor);
        }
    }

    private static IOException LastError(string call, string path)
    {
        var error = Marshal.GetLastPInvokeError();
        return new IOException($"{call} of '{path}' failed: {new Win32Exception(error).Message} (errno {error}).", error);
    }

    private static partial class LibC
    {
        [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        public static partial int Open(string path, int flags);

        [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
        public static partial int FSync(int file);

        [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
        public static partial int Close(int file);
    }
}
