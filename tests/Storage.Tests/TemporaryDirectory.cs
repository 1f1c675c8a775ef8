namespace KvRaft.Storage.Tests;

/// <summary>A directory of one test, deleted afterwards.</summary>
public sealed class TemporaryDirectory : IDisposable
{
    public TemporaryDirectory() => Path = Directory.CreateTempSubdirectory("kvraft-storage-").FullName;

    public string Path { get; }

    /// <summary>A path inside; nothing is created.</summary>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>
    /// The content of a directory after a crash of the process at this moment: its files as they are, nothing flushed. Background threads of the engine
    /// may write in it, so a copy counts only if nothing changed while it was made.
    /// </summary>
    public string CopyAsAfterCrash(string from, string name)
    {
        var to = this[name];
        while (!TryCopy(from, to))
        {
            Directory.Delete(to, recursive: true);
        }

        return to;
    }

    private static bool TryCopy(string from, string to)
    {
        Directory.CreateDirectory(to);
        try
        {
            var before = List(from);
            foreach (var (path, _) in before)
            {
                Directory.CreateDirectory(System.IO.Path.GetDirectoryName(System.IO.Path.Combine(to, path))!);
                File.Copy(System.IO.Path.Combine(from, path), System.IO.Path.Combine(to, path));
            }

            return before.SequenceEqual(List(from));
        }
        catch (FileNotFoundException)
        {
            return false;
        }
    }

    private static (string Path, long Length)[] List(string directory) =>
    [
        .. new DirectoryInfo(directory).GetFiles("*", SearchOption.AllDirectories)
            .Where(file => file.Name != "LOCK")
            .Select(file => (System.IO.Path.GetRelativePath(directory, file.FullName), file.Length))
            .Order(),
    ];

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
