namespace KvRaft.Raft.Log;

/// <summary>Small files that must survive a power failure: written under a temporary name, fsynced, renamed over the old file, directory fsynced.</summary>
internal static class DurableFile
{
    /// <summary>Whether the file exists. <see cref="File.Exists"/> also returns false for a directory and for a file that the system does not allow to examine, and its caller would begin anew.</summary>
    /// <exception cref="IOException">It is a directory, or the device failed.</exception>
    /// <exception cref="UnauthorizedAccessException">The system refuses access to its directory.</exception>
    public static bool Exists(string file)
    {
        try
        {
            return !File.GetAttributes(file).HasFlag(FileAttributes.Directory)
                ? true
                : throw new IOException($"'{file}' is a directory and not a file; move it away.");
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
    }

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
