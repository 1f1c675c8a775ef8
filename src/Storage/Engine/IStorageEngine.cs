namespace KvRaft.Storage.Engine;

/// <summary>
/// An ordered map from byte strings to byte strings that lives in one directory: what a replica keeps its state in.
/// <para>
/// <b>Order.</b> Keys are compared as unsigned bytes, a prefix before what it begins.
/// </para>
/// <para>
/// <b>Atomicity and durability.</b> <see cref="Write"/> is atomic, also across a crash: after it either all of a batch is there or
/// nothing, and if a batch survived, so did every one before it. It is not durable by itself: the replicated log is the
/// write-ahead log. <see cref="Flush"/> makes it durable, and the engine may flush older batches on its own at any time;
/// <see cref="GetDurable"/> tells how far it came.
/// </para>
/// <para>
/// <b>Threading.</b> Reads and snapshots from any thread at any time; <see cref="Write"/>, <see cref="Flush"/> and
/// <see cref="SaveCheckpoint"/> by one caller at a time. Nothing may run during or after <see cref="IDisposable.Dispose"/>:
/// <see cref="EngineHandle"/> keeps readers and disposal apart.
/// </para>
/// <para>
/// <b>Errors.</b> <see cref="StorageCorruptionException"/> when stored bytes are not what was written,
/// <see cref="StorageException"/> when the machine cannot do it. After either the engine is good for nothing but disposal.
/// </para>
/// </summary>
public interface IStorageEngine : IDisposable
{
    /// <summary>The value under a key, as a fresh array; null if there is none.</summary>
    byte[]? Get(ReadOnlySpan<byte> key);

    /// <summary>
    /// The first <paramref name="bytesMax"/> bytes of the value under a key, as a fresh array, and the length of the whole value; null and 0 if there is
    /// none. No more than that is copied, so that a caller can learn how large a value is before it spends memory on it.
    /// </summary>
    byte[]? Get(ReadOnlySpan<byte> key, int bytesMax, out int length)
    {
        var value = Get(key);
        length = value?.Length ?? 0;
        return value is null || value.Length <= bytesMax ? value : value[..bytesMax];
    }

    /// <summary>The value that <see cref="Get(ReadOnlySpan{byte})"/> would answer after a power cut now and a reopening.</summary>
    byte[]? GetDurable(ReadOnlySpan<byte> key);

    /// <summary>The whole map as it is now. Cheap to take; holding it keeps overwritten rows alive, so dispose it soon.</summary>
    IEngineSnapshot TakeSnapshot();

    /// <summary>Applies all changes of a batch, in their order, as one.</summary>
    void Write(EngineBatch batch);

    /// <summary>Returns when everything written survives a power cut.</summary>
    void Flush();

    /// <summary>
    /// A number that grows with every change, and that an engine which is opened again with everything it held has, or a higher one. 0 from an engine that does not count.
    /// </summary>
    long Sequence => 0;

    /// <summary>Writes a copy of the map into a new directory that another engine of the same kind can open; flat, not yet fsynced.</summary>
    void SaveCheckpoint(string directory);

    /// <summary>Reads every stored byte and compares it with its checksum.</summary>
    void VerifyChecksums();

    EngineStatistics Statistics { get; }

    /// <summary>Rewrites the map without what was deleted and replaced. Beside reads and writes; takes as long as the map is large.</summary>
    void Compact()
    {
    }

    /// <summary>
    /// Throws what a flush or a compaction in the background met, if the engine refuses writes because of it; without a write nothing would show it. Cheap; any
    /// thread.
    /// </summary>
    void Probe()
    {
    }
}

/// <summary>One unchanging view of an engine.</summary>
public interface IEngineSnapshot : IDisposable
{
    byte[]? Get(ReadOnlySpan<byte> key);

    /// <summary>
    /// The rows of [<paramref name="from"/>, <paramref name="to"/>), ascending, or descending if <paramref name="reverse"/>. An empty
    /// <paramref name="to"/> means the end of the map. Dispose the cursor before the snapshot.
    /// </summary>
    IEngineCursor Scan(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, bool reverse = false);
}

/// <summary>A walk over rows. It stands before the first row until <see cref="MoveNext"/>; for one thread.</summary>
public interface IEngineCursor : IDisposable
{
    /// <summary>Valid until the next <see cref="MoveNext"/> or disposal.</summary>
    ReadOnlySpan<byte> Key { get; }

    /// <summary>Valid until the next <see cref="MoveNext"/> or disposal.</summary>
    ReadOnlySpan<byte> Value { get; }

    bool MoveNext();
}

/// <summary>What an engine knows about its own size.</summary>
/// <param name="MemTableBytes">Bytes written but not flushed, with overhead.</param>
/// <param name="DiskBytes">Bytes of the files that hold the map.</param>
/// <param name="PendingCompactionBytes">Bytes that compaction should still rewrite; a growing number means writes outrun the disk.</param>
/// <param name="WriteStalled">Writes are being delayed or stopped by the engine.</param>
public readonly record struct EngineStatistics(long MemTableBytes, long DiskBytes, long PendingCompactionBytes, bool WriteStalled);

/// <summary>Opens engines. A process has one, because it owns what engines share (memory, threads).</summary>
public interface IEngineFactory
{
    /// <summary>Opens the engine in a directory, creating both if they do not exist.</summary>
    /// <exception cref="StorageException">The directory cannot be opened, or is open already.</exception>
    IStorageEngine Open(string directory);

    /// <summary>
    /// Opens an engine that keeps a write-ahead log of its own, for those without a replicated one. A write is then in the hands of the operating
    /// system when <see cref="IStorageEngine.Write"/> returns, and <see cref="IStorageEngine.Flush"/> syncs that log, which is cheap and meant
    /// to be called once for many writes. A directory is always opened in the same way. A write-ahead log that ends within a record is one whose last write did not end; one with
    /// damage before its end is refused as damaged, because what follows was flushed.
    /// </summary>
    /// <exception cref="StorageException">The directory cannot be opened, or is open already.</exception>
    IStorageEngine OpenJournaled(string directory);

    /// <summary>
    /// As <see cref="OpenJournaled"/>, for an engine of which that finds the write-ahead log damaged: what was written before the damage is kept, what was written after it is
    /// lost, also what was flushed.
    /// </summary>
    /// <exception cref="StorageException">The directory cannot be opened all the same, or is open already.</exception>
    IStorageEngine OpenDamagedJournal(string directory) => OpenJournaled(directory);

    /// <summary>Gives back most of what its engines hold in memory to read faster. Any thread, beside reads and writes.</summary>
    void TrimCache()
    {
    }

    /// <summary>Bytes that all its engines hold in memory and have yet to write to their disks, at most. Any thread.</summary>
    long UnflushedBytes => 0;
}
