using KvRaft.Storage.Engine;
using KvRaft.Storage.Shards;

namespace KvRaft.Storage.Tests.Engine;

/// <summary>Deleted rows release their disk space, and a full disk is distinguished from damage.</summary>
public sealed class RestTests
{
    private const int Values = 32;

    [Fact]
    public void Compaction_gives_back_the_disk_of_what_was_deleted()
    {
        using var directory = new TemporaryDirectory();
        using var resources = new StorageResources(new StorageBudget { MemoryBytes = StorageBudget.MemoryBytesMin });
        using var engine = resources.Open(directory.Path);
        var value = new byte[1 << 20];
        new Random(1).NextBytes(value);
        var batch = new EngineBatch();
        for (byte number = 0; number < Values; number++)
        {
            batch.Clear();
            batch.Put([number], value);
            engine.Write(batch);
        }

        engine.Flush();
        Assert.True(engine.Statistics.DiskBytes > Values << 20);
        batch.Clear();
        for (byte number = 0; number < Values; number++)
        {
            batch.Delete([number]);
        }

        engine.Write(batch);
        engine.Flush();
        engine.Compact();

        Assert.True(engine.Statistics.DiskBytes < 1 << 20, $"{engine.Statistics.DiskBytes} bytes are kept");
    }

    [Theory]
    [InlineData(0, 0, false)]
    [InlineData(16L << 20, 0, false)]
    [InlineData(17L << 20, 0, true)]
    [InlineData(1500L << 20, 1000L << 20, false)]
    [InlineData(1517L << 20, 1000L << 20, true)]
    public void Compaction_is_worthwhile_when_a_third_of_the_tables_is_garbage(long diskBytes, long liveBytes, bool isWorthwhile) =>
        Assert.Equal(isWorthwhile, ShardStateMachine.IsCompactionWorthwhile(diskBytes, liveBytes));

    [Theory]
    [InlineData("IO error: No space left on device: While appending to file: /d/000012.sst", typeof(StorageFullException))]
    [InlineData("Corruption: block checksum mismatch", typeof(StorageCorruptionException))]
    [InlineData("IO error: No such file or directory: While open a file for random read: /d/000012.sst", typeof(StorageCorruptionException))]
    [InlineData("IO error: Input/output error: While pread offset 0 len 4096: /d/000012.sst", typeof(StorageCorruptionException))]
    [InlineData("IO error: Too many open files: While open a file for random read: /d/000012.sst", typeof(StorageUnavailableException))]
    [InlineData("IO error: While open a file for random read: /d/000012.sst: Permission denied", typeof(StorageUnavailableException))]
    [InlineData("IO error: Cannot allocate memory: While mmap file for read: /d/000012.sst", typeof(StorageUnavailableException))]
    [InlineData("Corruption: Can't access /000012.sst: IO error: Too many open files: While open a file for random read: /d/000012.sst", typeof(StorageUnavailableException))]
    [InlineData("IO error: While lock file: /d/LOCK: Resource temporarily unavailable", typeof(StorageUnavailableException))]
    [InlineData("IO error: While open a file for lock: /d/LOCK: Is a directory", typeof(StorageException))]
    public void Errors_of_the_engine_are_distinguished_by_their_remedy(string text, Type kind) =>
        Assert.IsType(kind, RocksDbErrors.Translate(text, new IOException(text), "A read", "/d"));
}
