using System.Reflection;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace KvRaft.Node.Lifecycle;

/// <summary>
/// Ends the process when an allocation fails, wherever that is. After an <see cref="OutOfMemoryException"/> the state of the code through which it was thrown
/// is unknown: a loop of a library may have ended, a listener may have closed, a lock may be held, while the rest of the process continues and looks
/// healthy. Everything that was acknowledged is on disk, so the process ends as if it were killed, and another start reads that data.
/// <para>
/// The first-chance event is raised before any <c>catch</c> sees the exception, in KvRaft's code and in that of libraries; no other place guarantees this.
/// The handler must not allocate: its line is prepared and its two system calls are resolved beforehand.
/// </para>
/// </summary>
internal static unsafe partial class OutOfMemoryExit
{
    private const int StandardError = 2;

    private static ReadOnlySpan<byte> Line => "kvraft: out of memory: an allocation failed, and the process ends; nothing that was acknowledged is lost\n"u8;

    private static int _armed;

    /// <summary>For processes that run nodes; not for tests, which run many things.</summary>
    public static void Arm()
    {
        if (Interlocked.Exchange(ref _armed, 1) != 0)
        {
            return;
        }

        foreach (var name in new[] { nameof(Write), nameof(Exit) })
        {
            Marshal.Prelink(typeof(OutOfMemoryExit).GetMethod(name, BindingFlags.Static | BindingFlags.NonPublic)!);
        }

        AppDomain.CurrentDomain.FirstChanceException += OnException;
    }

    private static void OnException(object? sender, FirstChanceExceptionEventArgs thrown)
    {
        if (thrown.Exception is OutOfMemoryException)
        {
            // The bytes are part of the assembly's image, which does not move.
            fixed (byte* line = Line)
            {
                _ = Write(StandardError, line, Line.Length);
            }

            Exit(ExitCodes.OutOfMemory);
        }
    }

    [LibraryImport("libc", EntryPoint = "write")]
    private static partial nint Write(int file, byte* bytes, nint count);

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void Exit(int code);
}
