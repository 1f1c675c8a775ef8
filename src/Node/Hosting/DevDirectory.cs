using KvRaft.Node.Lifecycle;
using KvRaft.Node.Security;

namespace KvRaft.Node.Hosting;

/// <summary>
/// The directory of a development cluster: the cluster's id and one directory for each node. One process locks it at a time: before it reads or deletes anything in it,
/// until its nodes have stopped.
/// </summary>
internal static class DevDirectory
{
    private const string IdentityName = "dev-cluster-id";
    private const string SecretName = "cluster-secret";

    /// <summary>The file with the secret that the cluster's nodes share.</summary>
    public static string SecretOf(string data) => Path.Combine(data, SecretName);

    /// <summary>Locks the directory; creates it if it does not exist. Changes nothing in a directory of another kind.</summary>
    /// <exception cref="NodeStartException">It is in use, cannot be written, or is a directory of another kind.</exception>
    public static DataDirectory Hold(string data)
    {
        // Before the lock, because the lock is a file, and a directory of another kind gets none.
        OwnFiles.Directory(data, () => RefuseForeign(data));
        return DataDirectory.Hold(data);
    }

    /// <summary>The id of the cluster whose data are here, or of a new one.</summary>
    /// <param name="directory">Held by the caller.</param>
    /// <param name="nodes">The directories of the nodes.</param>
    /// <param name="fresh">Deletes these directories and creates a new id, unless one of the nodes runs.</param>
    /// <exception cref="NodeStartException">A node runs, the directory cannot be written, or the id is damaged.</exception>
    public static Guid Identity(DataDirectory directory, IReadOnlyList<string> nodes, bool fresh) => OwnFiles.Directory(directory.Path, () =>
    {
        RefuseForeign(directory.Path);
        var file = Path.Combine(directory.Path, IdentityName);
        if (fresh)
        {
            DeleteNodes(nodes);
        }
        else if (OwnFiles.Text(file) is { } text)
        {
            MakeSecret(directory);
            return Guid.TryParse(text, out var kept)
                ? kept
                : throw new NodeStartException(StartFault.DamagedData, $"{file} holds no cluster id; start with --fresh or give another --data");
        }

        var drawn = Guid.NewGuid();
        OwnFiles.Write(file, drawn.ToString());
        MakeSecret(directory);
        return drawn;
    });

    private static void MakeSecret(DataDirectory directory) => OwnFiles.File(SecretOf(directory.Path), () =>
    {
        ClusterSecretFile.Make(SecretOf(directory.Path));
        return true;
    });

    private static bool RefuseForeign(string data)
    {
        // If a start ended before it wrote an id, it left a lock file only.
        if (Directory.Exists(data) && !Path.Exists(Path.Combine(data, IdentityName))
            && Directory.EnumerateFileSystemEntries(data).Any(static entry => Path.GetFileName(entry) != DataDirectory.LockName))
        {
            throw new NodeStartException(
                StartFault.ForeignDirectory, $"{data} is not empty and no cluster of 'kvraft dev'; give another --data");
        }

        return true;
    }

    /// <summary>
    /// Deletes the data of the nodes, and no other file that a user has beside them. A node may run by itself (<c>kvraft node</c>), so the locks of all nodes
    /// are taken before the first file is deleted.
    /// </summary>
    private static void DeleteNodes(IReadOnlyList<string> nodes)
    {
        var held = new List<DataDirectory>(nodes.Count);
        try
        {
            var existing = nodes.Where(Directory.Exists).ToArray();
            foreach (var node in existing)
            {
                held.Add(DataDirectory.Hold(node));
            }

            foreach (var node in existing)
            {
                Directory.Delete(node, recursive: true);
            }
        }
        finally
        {
            held.ForEach(static node => node.Dispose());
        }
    }
}
