using System.Runtime.InteropServices;

namespace KvRaft.Storage;

/// <summary>open, fsync and close of a directory by libc: <see cref="File.OpenHandle"/> refuses directories.</summary>
internal static partial class PosixDirectory
{
    private const int ReadOnly = 0;

    /// <exception cref="IOException">A call failed.</exception>
    public static void Sync(string path)
    {
        var descriptor = Open(path, ReadOnly);
        ThrowIfFailed(descriptor, "open", path);
        var result = Fsync(descriptor);
        var error = Marshal.GetLastPInvokeError();
        _ = Close(descriptor);
        if (result < 0)
        {
            throw new IOException($"fsync of {path} failed: {Marshal.GetPInvokeErrorMessage(error)}", error);
        }
    }

    private static void ThrowIfFailed(int result, string call, string path)
    {
        if (result < 0)
        {
            throw new IOException($"{call} of {path} failed: {Marshal.GetLastPInvokeErrorMessage()}", Marshal.GetLastPInvokeError());
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
