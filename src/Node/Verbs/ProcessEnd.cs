using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace KvRaft.Node.Verbs;

/// <summary>
/// The end of a process whose disk failed: at once and without cleanup, as by kill -9 but with an exit code. Nothing is closed: a close writes to the failed disk,
/// waits for it, or, if a file is mapped into memory, dies by a signal. Nothing is lost either: acknowledged entries are on the disks of a majority, and the next start
/// reads the data on this disk.
/// </summary>
internal static partial class ProcessEnd
{
    /// <summary>A thread of the console writes the last lines of the log; a console that no process reads must not delay the end.</summary>
    private static readonly TimeSpan FlushPatience = TimeSpan.FromMilliseconds(200);

    /// <param name="exitCode">The exit code for the shell or supervisor.</param>
    /// <param name="loggers">Disposed, which flushes them.</param>
    [DoesNotReturn]
    public static void AtOnce(int exitCode, IDisposable loggers)
    {
        var flush = new Thread(loggers.Dispose) { IsBackground = true };
        flush.Start();
        flush.Join(FlushPatience);
        if (OperatingSystem.IsWindows())
        {
            Environment.Exit(exitCode);
        }

        // Neither finalizers nor handlers of the process's end, which Environment.Exit would run.
        Exit(exitCode);
        throw new UnreachableException();
    }

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void Exit(int exitCode);
}
