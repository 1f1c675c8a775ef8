using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace KvRaft.Node.Verbs;

/// <summary>
/// The end of a process whose disk failed: at once and quietly, as by kill -9 but with an exit code. Nothing is closed: whatever is closed now writes to the failed disk,
/// waits for it, or, where a file is mapped into memory, dies by a signal. Nothing is lost either: what was acknowledged is on the disks of a majority, and the next start
/// reads what this disk holds.
/// </summary>
internal static partial class ProcessEnd
{
    /// <summary>The log's last lines are written by a thread of the console; a console that nobody reads must not hold up the end.</summary>
    private static readonly TimeSpan FlushPatience = TimeSpan.FromMilliseconds(200);

    /// <param name="exitCode">What the shell or supervisor is told.</param>
    /// <param name="loggers">Flushed by being disposed.</param>
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
