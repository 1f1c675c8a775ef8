using KvRaft.Node.Options;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Node.Lifecycle;

/// <summary>
/// Holds the data directory for one process: creates it, proves that it can be written, and keeps a lock file open so that a
/// second process started on the same directory by mistake is refused (the kernel releases the lock when the process ends).
/// </summary>
internal sealed class DataDirectory : IAsyncDisposable, IDisposable
{
    /// <summary>EWOULDBLOCK of Linux, which .NET passes on unchanged: flock reports that another process has the lock. Any other fault is the disk's.</summary>
    private const int LockedByAnother = 11;

    internal const string LockName = "LOCK";

    private readonly FileStream _lock;

    private DataDirectory(string path, FileStream @lock) => (Path, _lock) = (path, @lock);

    public string Path { get; }

    /// <exception cref="NodeStartException">The directory cannot be created or written, or another process holds it.</exception>
    public static DataDirectory Hold(string directory)
    {
        var path = System.IO.Path.GetFullPath(directory);
        OwnFiles.Directory(path, () => Directory.CreateDirectory(path));
        var file = System.IO.Path.Combine(path, LockName);
        return OwnFiles.File(file, () =>
        {
            try
            {
                // FileShare.None is an advisory flock on Unix: enough between KvRaft processes.
                return new DataDirectory(path, new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
            }
            catch (IOException error) when (error.HResult == LockedByAnother)
            {
                throw new NodeStartException(
                    StartFault.DirectoryInUse, $"the data directory {path} is in use by another kvraft process", error);
            }
        });
    }

    /// <summary>
    /// Holds the directory and makes sure that it is this node's: a first start writes the identity, every other compares it.
    /// The identity is stored in <c>store/</c>, where nothing else is written, so that a directory with data but without an identity is
    /// recognised as damaged and not taken for new.
    /// </summary>
    /// <exception cref="NodeStartException">Also: it is another node's, another cluster's, or has lost its identity.</exception>
    public static DataDirectory Claim(NodeOptions options)
    {
        var directory = Hold(options.DataDirectory);
        try
        {
            directory.Verify(options);
            return directory;
        }
        catch (NodeStartException)
        {
            directory.Dispose();
            throw;
        }
    }

    /// <summary>Whether there was an identity before. If not, the node is new, or has lost its data.</summary>
    public bool IsClaimed => System.IO.Path.Exists(System.IO.Path.Combine(Store, StoreIdentity.FileName));

    private string Store => System.IO.Path.Combine(Path, "store");

    /// <summary>Refuses a directory that belongs to another node or has no identity; changes nothing.</summary>
    /// <exception cref="NodeStartException">It holds directories but no identity.</exception>
    public void RefuseForeign()
    {
        if (!System.IO.Path.Exists(Store) && OwnFiles.Directory(Path, () => Directory.EnumerateDirectories(Path).Any()))
        {
            throw new NodeStartException(
                StartFault.ForeignDirectory, $"{Path} holds directories but no kvraft identity ({Store}); it is not a data directory, or has lost its identity: give another one");
        }
    }

    /// <summary>Writes the identity into a directory that has none, and compares it in one that does.</summary>
    /// <exception cref="NodeStartException">It is another node's, another cluster's, or has lost its identity.</exception>
    public void Verify(NodeOptions options)
    {
        RefuseForeign();
        var identity = new StoreIdentity(options.ClusterId, options.NodeId, options.ShardCount, KeyHash.Seed);
        OwnFiles.Directory(Store, () => Directory.CreateDirectory(Store));
        OwnFiles.File(System.IO.Path.Combine(Store, StoreIdentity.FileName), () =>
        {
            try
            {
                identity.ClaimOrVerify(Store);
                return true;
            }
            catch (StoreIdentityException error)
            {
                throw new NodeStartException(StartFault.ForeignDirectory, error.Message, error);
            }
        });
    }

    public void Dispose() => _lock.Dispose();

    public ValueTask DisposeAsync() => _lock.DisposeAsync();
}
