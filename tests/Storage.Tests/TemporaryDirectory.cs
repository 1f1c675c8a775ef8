namespace KvRaft.Storage.Tests;

/// <summary>A directory of one test, gone afterwards.</summary>
public sealed class TemporaryDirectory : IDisposable
{
    public TemporaryDirectory() => Path = Directory.CreateTempSubdirectory("kvraft-storage-").FullName;

    public string Path { get; }

    /// <summary>A name inside; nothing is created.</summary>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>What a crash of the process at this moment would leave of a directory: its files as they are, nothing flushed.</summary>
    public string CopyAsAfterCrash(string from, string name)
    {
        var to = this[name];
        Directory.CreateDirectory(to);
        foreach (var directory in Directory.GetDirectories(from, "*", SearchOption.AllDirectories))
        {
            Directory.CreateDirectory(directory.Replace(from, to, StringComparison.Ordinal));
        }

        foreach (var file in Directory.GetFiles(from, "*", SearchOption.AllDirectories).Where(file => System.IO.Path.GetFileName(file) != "LOCK"))
        {
            File.Copy(file, file.Replace(from, to, StringComparison.Ordinal));
        }

        return to;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
