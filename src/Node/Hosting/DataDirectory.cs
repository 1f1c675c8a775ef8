namespace KvRaft.Node.Hosting;

/// <summary>
/// Holds the data directory for one process: creates it, proves that it can be written, and keeps a lock file open so that a
/// second process started on the same directory by mistake is refused (the lock is the kernel's and dies with the process).
/// </summary>
internal sealed class DataDirectory : IDisposable
{
    private const string LockName = "LOCK";

    private readonly FileStream _lock;

    private DataDirectory(string path, FileStream @lock) => (Path, _lock) = (path, @lock);

    public string Path { get; }

    /// <exception cref="NodeStartException">The directory cannot be created or written, or another process holds it.</exception>
    public static DataDirectory Hold(string directory)
    {
        var path = System.IO.Path.GetFullPath(directory);
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw NotWritable(path, error);
        }

        try
        {
            // FileShare.None is an advisory flock on Unix: enough between KvRaft processes.
            return new DataDirectory(path, new FileStream(
                System.IO.Path.Combine(path, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (UnauthorizedAccessException error)
        {
            throw NotWritable(path, error);
        }
        catch (IOException error) when (File.Exists(System.IO.Path.Combine(path, LockName)))
        {
            throw new NodeStartException(
                StartFault.DirectoryInUse, $"the data directory {path} is in use by another kvraft process", error);
        }
        catch (IOException error)
        {
            throw NotWritable(path, error);
        }
    }

    private static NodeStartException NotWritable(string path, Exception error) => new(
        StartFault.DirectoryNotWritable, $"the data directory {path} cannot be written: {error.Message}", error);

    public void Dispose() => _lock.Dispose();
}
