namespace KvRaft.Storage.Engine;

/// <summary>
/// An ordered map from byte strings to byte strings in one directory. It holds the state of a replica.
/// <para>
/// <b>Order.</b> Keys are compared as unsigned bytes; a prefix precedes the keys that begin with it.
/// </para>
/// <para>
/// <b>Atomicity and durability.</b> <see cref="Write"/> is atomic, also across a crash: afterwards either all of a batch is present or
/// nothing, and if a batch survived, so did every earlier one. It is not durable by itself: the replicated log is the
/// write-ahead log. <see cref="Flush"/> makes it durable, and the engine may flush older batches at any time;
/// <see cref="GetDurable"/> shows how much is durable.
/// </para>
/// <para>
/// <b>Threading.</b> Reads and snapshots from any thread at any time; <see cref="Write"/>, <see cref="Flush"/> and
/// <see cref="SaveCheckpoint"/> by one caller at a time. Nothing may run during or after <see cref="IDisposable.Dispose"/>:
/// <see cref="EngineHandle"/> separates readers from disposal.
/// </para>
/// <para>
/// <b>Errors.</b> <see cref="StorageCorruptionException"/> if stored bytes differ from the written bytes,
/// <see cref="StorageException"/> if the machine cannot execute the call. After either the engine can only be disposed.
/// </para>
/// </summary>
public interface IStorageEngine : IDisposable
{
    /// <summary>The value of a key, as a new array; null if there is none.</summary>
    byte[]? Get(ReadOnlySpan<byte> key);

    /// <summary>
    /// The first <paramref name="bytesMax"/> bytes of the value of a key, as a new array, and the length of the whole value; null and 0 if there is
    /// none. No more than that is copied, so that a caller can read the size of a value before it allocates memory for it.
    /// </summary>
    byte[]? Get(ReadOnlySpan<byte> key, int bytesMax, out int length)
    {
        var value = Get(key);
        length = value?.Length ?? 0;
        return value is null || value.Length <= bytesMax ? value : value[..bytesMax];
    }

    /// <summary>The value that <see cref="Get(ReadOnlySpan{byte})"/> would return after a power loss now and a restart.</summary>
    byte[]? GetDurable(ReadOnlySpan<byte> key);

    /// <summary>The whole map at this moment. Cheap to take. A snapshot keeps overwritten rows on the disk, so dispose it soon.</summary>
    IEngineSnapshot TakeSnapshot();

    /// <summary>Applies all changes of a batch atomically, in order.</summary>
    void Write(EngineBatch batch);

    /// <summary>Returns when everything written survives a power loss.</summary>
    void Flush();

    /// <summary>
    /// A number that increases with every change. If an engine is reopened with everything it held, it has this number or a higher one. 0 if the engine does
    /// not count.
    /// </summary>
    long Sequence => 0;

    /// <summary>Writes a copy of the map into a new directory, which another engine of the same kind can open; flat, not yet fsynced.</summary>
    void SaveCheckpoint(string directory);

    /// <summary>Reads every stored byte and compares it with its checksum.</summary>
    void VerifyChecksums();

    EngineStatistics Statistics { get; }

    /// <summary>Rewrites the map without deleted and replaced rows. Runs beside reads and writes; the time is proportional to the size of the map.</summary>
    void Compact()
    {
    }

    /// <summary>
    /// Throws the fault of a background flush or compaction, if the engine refuses writes because of it. Without a write no other call would show it. Cheap;
    /// any
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

/// <summary>An iterator over rows. It is before the first row until <see cref="MoveNext"/>; for one thread.</summary>
public interface IEngineCursor : IDisposable
{
    /// <summary>Valid until the next <see cref="MoveNext"/> or disposal.</summary>
    ReadOnlySpan<byte> Key { get; }

    /// <summary>Valid until the next <see cref="MoveNext"/> or disposal.</summary>
    ReadOnlySpan<byte> Value { get; }

    bool MoveNext();
}

/// <summary>The size of an engine, as it reports it.</summary>
/// <param name="MemTableBytes">Bytes written but not flushed, with overhead.</param>
/// <param name="DiskBytes">Bytes of the files that hold the map.</param>
/// <param name="PendingCompactionBytes">Bytes that compaction should still rewrite; if the number grows, writes are faster than the disk.</param>
/// <param name="WriteStalled">The engine delays or stops writes.</param>
public readonly record struct EngineStatistics(long MemTableBytes, long DiskBytes, long PendingCompactionBytes, bool WriteStalled);

/// <summary>Opens engines. A process has one factory, because it owns what engines share (memory, threads).</summary>
public interface IEngineFactory
{
    /// <summary>Opens the engine in a directory, creating both if they do not exist.</summary>
    /// <exception cref="StorageException">The directory cannot be opened, or is open already.</exception>
    IStorageEngine Open(string directory);

    /// <summary>
    /// Opens an engine with its own write-ahead log, for stores without a replicated log. When <see cref="IStorageEngine.Write"/> returns, the operating
    /// system has the write. <see cref="IStorageEngine.Flush"/> syncs the log; it is cheap, and one call serves many writes.
    /// A directory is always opened in the same way. If a write-ahead log ends within a record, its last write did not finish; if it has
    /// damage before its end, it is refused as damaged, because the records behind the damage were flushed.
    /// </summary>
    /// <exception cref="StorageException">The directory cannot be opened, or is open already.</exception>
    IStorageEngine OpenJournaled(string directory);

    /// <summary>
    /// Like <see cref="OpenJournaled"/>, for an engine whose write-ahead log is damaged: the writes before the damage are kept, and the writes after it are
    /// lost, including flushed ones.
    /// </summary>
    /// <exception cref="StorageException">The directory cannot be opened all the same, or is open already.</exception>
    IStorageEngine OpenDamagedJournal(string directory) => OpenJournaled(directory);

    /// <summary>Releases most of the memory that its engines use as a read cache. Any thread, beside reads and writes.</summary>
    void TrimCache()
    {
    }

    /// <summary>The upper limit of bytes that all its engines hold in memory and have not written to disk. Any thread.</summary>
    long UnflushedBytes => 0;
}
