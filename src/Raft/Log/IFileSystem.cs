namespace KvRaft.Raft.Log;

/// <summary>Modes of <see cref="IFileSystem.Open"/>.</summary>
internal enum FileOpening
{
    /// <summary>The file must exist; read only.</summary>
    Read,

    /// <summary>The file must exist; read and written.</summary>
    ReadWrite,

    /// <summary>The file is created empty; an old file of that name is emptied.</summary>
    Create,
}

/// <summary>
/// The log's interface to the disk: few operations, each with the durability that POSIX guarantees and no more. Written data is durable
/// after <see cref="IFile.FlushData"/>; names (created, renamed, deleted) are durable after <see cref="SyncDirectory"/>. Failures are
/// <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/>. All members may be called from any thread.
/// </summary>
internal interface IFileSystem
{
    /// <summary>Creates the directory and its missing parents.</summary>
    void CreateDirectory(string path);

    /// <summary>Names, without path, of the files in a directory, in ordinal order; empty when there is no such directory.</summary>
    IReadOnlyList<string> ListFiles(string directory);

    IFile Open(string path, FileOpening opening);

    /// <summary>The number of bytes that this process may still write on the disk of a directory.</summary>
    long FreeBytes(string directory) => long.MaxValue;

    void Delete(string path);

    /// <summary>Atomically replaces <paramref name="to"/>.</summary>
    void Rename(string from, string to);

    void SyncDirectory(string path);

    /// <summary>Locks the directory for this process by a lock file. The lock ends on dispose or at the process's end.</summary>
    /// <exception cref="IOException">Another process holds the lock.</exception>
    IDisposable Lock(string path);
}

/// <summary>An open file. Reads and writes have an explicit offset; there is no current position.</summary>
internal interface IFile : IDisposable
{
    long Length { get; }

    /// <summary>Fills <paramref name="buffer"/> up to the end of the file; returns the number of bytes read.</summary>
    int Read(long offset, Span<byte> buffer);

    /// <summary>Writes all bytes, or throws with an unknown part written.</summary>
    void Write(long offset, ReadOnlySpan<byte> bytes);

    /// <summary>Makes data and length durable (fdatasync). After a failure, the content of the file is permanently unknown.</summary>
    void FlushData();
}
