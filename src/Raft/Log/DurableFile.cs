namespace KvRaft.Raft.Log;

/// <summary>Small files that must survive a power failure: written under a temporary name, fsynced, renamed over the old file, directory fsynced.</summary>
internal static class DurableFile
{
    public static void Write(string file, ReadOnlySpan<byte> content, IFileSystem files)
    {
        var temporary = file + ".tmp";
        using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            stream.Write(content);
            stream.Flush(flushToDisk: true);
        }

        File.Move(temporary, file, overwrite: true);
        files.SyncDirectory(Path.GetDirectoryName(file)!);
    }
}
