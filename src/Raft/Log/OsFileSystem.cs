using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace KvRaft.Raft.Log;

/// <summary>The operating system's file system.</summary>
internal sealed partial class OsFileSystem : IFileSystem
{
    public static readonly OsFileSystem Instance = new();

    private const int Interrupted = 4; // EINTR has this number on Linux and the BSDs.

    private OsFileSystem()
    {
    }

    public void CreateDirectory(string path) => Directory.CreateDirectory(path);

    public IReadOnlyList<string> ListFiles(string directory)
    {
        if (!Directory.Exists(directory))
        {
            return [];
        }

        var names = Directory.GetFiles(directory).Select(path => Path.GetFileName(path)).ToArray();
        Array.Sort(names, StringComparer.Ordinal);
        return names;
    }

    public IFile Open(string path, FileOpening opening)
    {
        var (mode, access) = opening switch
        {
            FileOpening.Read => (FileMode.Open, FileAccess.Read),
            FileOpening.ReadWrite => (FileMode.Open, FileAccess.ReadWrite),
            _ => (FileMode.Create, FileAccess.ReadWrite),
        };
        // Shared without restriction: the directory's lock excludes other nodes, and a dump may read the files of a running node.
        return new OsFile(File.OpenHandle(path, mode, access, FileShare.ReadWrite | FileShare.Delete), path);
    }

    public long FreeBytes(string directory) => new DriveInfo(Path.GetFullPath(directory)).AvailableFreeSpace;

    public void Delete(string path) => File.Delete(path);

    public void Rename(string from, string to) => File.Move(from, to, overwrite: true);

    public void SyncDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return; // NTFS journals names; there is no handle to flush.
        }

        // .NET cannot open directories.
        var descriptor = LibC.Open(path, 0);
        if (descriptor < 0)
        {
            throw LastError("open", path);
        }

        try
        {
            while (LibC.FSync(descriptor) != 0)
            {
                ThrowUnlessInterrupted("fsync", path);
            }
        }
        finally
        {
            _ = LibC.Close(descriptor);
        }
    }

    public IDisposable Lock(string path) =>
        new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);

    // An interrupted call had no effect; this is the only failure after which a retry is safe.
    private static void ThrowUnlessInterrupted(string call, string path)
    {
        if (Marshal.GetLastPInvokeError() != Interrupted)
        {
            throw LastError(call, path);
        }
    }

    private static IOException LastError(string call, string path)
    {
        var error = Marshal.GetLastPInvokeError();
        return new IOException($"{call} of '{path}' failed: {new Win32Exception(error).Message} (errno {error}).", error);
    }

    private sealed class OsFile(SafeFileHandle handle, string path) : IFile
    {
        public long Length => RandomAccess.GetLength(handle);

        public int Read(long offset, Span<byte> buffer)
        {
            var total = 0;
            while (total < buffer.Length)
            {
                var read = RandomAccess.Read(handle, buffer[total..], offset + total);
                if (read == 0)
                {
                    break;
                }

                total += read;
            }

            return total;
        }

        public void Write(long offset, ReadOnlySpan<byte> bytes) => RandomAccess.Write(handle, bytes, offset);

        public void FlushData()
        {
            if (!OperatingSystem.IsLinux())
            {
                RandomAccess.FlushToDisk(handle);
                return;
            }

            // FlushToDisk is fsync, which also journals the time stamps: a second commit without benefit on a preallocated file.
            while (!SyncRules.IsSynced(LibC.FDataSync(handle)))
            {
                ThrowUnlessInterrupted("fdatasync", path);
            }
        }

        public void Dispose() => handle.Dispose();
    }

    private static partial class LibC
    {
        [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
        public static partial int FDataSync(SafeFileHandle file);

        [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
        public static partial int FSync(int file);

        [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        public static partial int Open(string path, int flags);

        [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
        public static partial int Close(int file);
    }
}
