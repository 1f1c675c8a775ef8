using KvRaft.Storage;

namespace KvRaft.Node.Lifecycle;

/// <summary>
/// The files and directories that a node reads or writes before it serves. If the file system refuses a step, the start ends with one exception whose message names the path, the
/// fault and the next step; it translates errors of the file system only, so that a bug is not reported as a fault of the disk.
/// </summary>
internal static class OwnFiles
{
    /// <summary>Runs a step on a file.</summary>
    /// <exception cref="NodeStartException">The file system refused it.</exception>
    public static T File<T>(string path, Func<T> step) => Run(path, isDirectory: false, step);

    /// <summary>Runs a step on a directory or on files in it.</summary>
    /// <exception cref="NodeStartException">The file system refused it.</exception>
    public static T Directory<T>(string path, Func<T> step) => Run(path, isDirectory: true, step);

    /// <summary>The text of a file; null if there is none. If there is a directory in its place, that is a fault: a start must not take it for a missing file.</summary>
    /// <exception cref="NodeStartException">It cannot be read.</exception>
    public static string? Text(string path) => File(path, () => Path.Exists(path) ? System.IO.File.ReadAllText(path) : null);

    /// <summary>Replaces a file durably.</summary>
    /// <exception cref="NodeStartException">It cannot be written.</exception>
    public static void Write(string path, string text) => File(path, () =>
    {
        DurableFile.WriteAllText(path, text);
        return true;
    });

    /// <summary>The exception of a start that the file system ended.</summary>
    public static NodeStartException ToStartException(string path, bool isDirectory, Exception error) =>
        new(FaultOf(error), $"{path} {Reason(path, isDirectory, error)}", error);

    /// <summary>What is wrong with a path and what to do, as the predicate of a sentence.</summary>
    public static string Reason(string path, bool isDirectory, Exception error) =>
        FaultOf(error) == StartFault.NoRoom ? "cannot be written: its disk is full; free some space and start again"
        : !isDirectory && System.IO.Directory.Exists(path) ? "is a directory and not a file; move it away and start again"
        : isDirectory && System.IO.File.Exists(path) ? "is a file and not a directory; move it away and start again"
        : Cause<UnauthorizedAccessException>(error) is not null ? $"cannot be read or written by this user ({error.Message}); change its owner or mode and start again"
        : $"cannot be read or written: {error.Message}";

    private static StartFault FaultOf(Exception error) =>
        error is StorageFullException || FullDisk.Is(error) || (Cause<IOException>(error) is { } cause && FullDisk.Is(cause)) ? StartFault.NoRoom : StartFault.DirectoryNotWritable;

    private static T? Cause<T>(Exception error)
        where T : Exception
    {
        for (var cause = error; cause is not null; cause = cause.InnerException)
        {
            if (cause is T found)
            {
                return found;
            }
        }

        return null;
    }

    private static T Run<T>(string path, bool isDirectory, Func<T> step)
    {
        try
        {
            return step();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or StorageException)
        {
            throw ToStartException(path, isDirectory, error);
        }
    }
}
