namespace KvRaft.Raft.Log;

/// <summary>How <see cref="IFileSystem.Open"/> opens.</summary>
internal enum FileOpening
{
    /// <summary>Must exist; only read.</summary>
    Read,

    /// <summary>Must exist; read and written.</summary>
    ReadWrite,

    /// <summary>Created empty; an old file of that name is emptied.</summary>
    Create,
}

/// <summary>
/// The disk as the log sees it: few operations, each with the durability POSIX gives it and no more. What was written is durable
/// after <see cref="IFile.FlushData"/>; names (created, renamed, deleted) after <see cref="SyncDirectory"/>. Failures are
/// <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/>. All members may be called from any thread.
/// </summary>
internal interface IFileSystem
{
    /// <summary>Creates the directory and its parents where missing.</summary>
    void CreateDirectory(string path);

    /// <summary>Names, without path, of the files in a directory, in ordinal order; empty when there is no such directory.</summary>
    IReadOnlyList<string> ListFiles(string directory);

    IFile Open(string path, FileOpening opening);

    /// <summary>Bytes that this process may still write on the disk that holds a directory.</summary>
    long FreeBytes(string directory) => long.MaxValue;

    void Delete(string path);

    /// <summary>Atomically replaces <paramref name="to"/>.</summary>
    void Rename(string from, string to);

    void SyncDirectory(string path);

    /// <summary>Takes the directory for this process by a lock file, released on dispose or by the process's end.</summary>
    /// <exception cref="IOException">Somebody has it.</exception>
    IDisposable Lock(string path);
}

/// <summary>An open file. Reads and writes name their offset; there is no current position.</summary>
internal interface IFile : IDisposable
{
    long Length { get; }

    /// <summary>Fills <paramref name="buffer"/> as far as the file goes; answers the number of bytes read.</summary>
    int Read(long offset, Span<byte> buffer);

    /// <summary>Writes all of it, or throws with an unknown part written.</summary>
    void Write(long offset, ReadOnlySpan<byte> bytes);

    /// <summary>Makes data and length durable (fdatasync). After a failure the state of what was written is unknown for ever.</summary>
    void FlushData();
}
