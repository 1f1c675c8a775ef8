namespace KvRaft.Benchmarks.Clusters;

/// <summary>A new directory for the data of a cluster, removed at the end.</summary>
internal sealed class ClusterDirectory : IDisposable
{
    private ClusterDirectory(string path) => Path = path;

    public string Path { get; }

    /// <exception cref="InvalidOperationException">The parent is in memory, where a sync costs nothing and every result would be wrong.</exception>
    public static ClusterDirectory Create(string parent)
    {
        Directory.CreateDirectory(parent);
        var format = new DriveInfo(System.IO.Path.GetFullPath(parent)).DriveFormat;
        return format is "tmpfs" or "ramfs"
            ? throw new InvalidOperationException($"{parent} is a {format}: syncs cost nothing there. Name a directory on a disk with --data.")
            : new ClusterDirectory(System.IO.Path.Combine(parent, $"kvraft-bench-{Guid.NewGuid():N}"));
    }

    public string Of(string node) => Directory.CreateDirectory(System.IO.Path.Combine(Path, node)).FullName;

    public void Dispose()
    {
        if (Directory.Exists(Path))
        {
            Directory.Delete(Path, recursive: true);
        }
    }
}
