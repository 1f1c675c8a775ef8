using System.Runtime.InteropServices;

namespace KvRaft.Storage;

/// <summary>
/// Distinguishes faults of the process's environment (descriptors, memory, access rights, a lock that another process holds) from faults of the files. The files are not affected, and the
/// operation can be retried.
/// </summary>
public static class EnvironmentFault
{
    /// <summary>The numbers of Linux, which .NET passes on unchanged: EPERM, EAGAIN, ENOMEM, EACCES, EBUSY, ENFILE, EMFILE, EROFS, ENOLCK.</summary>
    private static readonly int[] Numbers = [1, 11, 12, 13, 16, 23, 24, 30, 37];

    /// <summary>The texts of the C library for <see cref="Numbers"/>: RocksDB passes on the text and no number.</summary>
    private static readonly string[] Texts = [.. Numbers.Select(Marshal.GetPInvokeErrorMessage)];

    /// <summary>.NET maps EACCES, EPERM and EBADF to <see cref="UnauthorizedAccessException"/>. On Windows the codes are others, and no fault is taken for damage.</summary>
    public static bool Is(Exception error) => error switch
    {
        UnauthorizedAccessException => true,
        IOException io => OperatingSystem.IsWindows() || Numbers.Contains(io.HResult),
        _ => false,
    };

    /// <summary>Whether the text of a status has the text of one of these errors.</summary>
    internal static bool IsIn(string status) => Texts.Any(text => status.Contains(text, StringComparison.OrdinalIgnoreCase));
}
