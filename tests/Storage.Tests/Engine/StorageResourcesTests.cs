using KvRaft.Storage.Engine;

namespace KvRaft.Storage.Tests.Engine;

/// <summary>One budget for all engines of the process.</summary>
public sealed class StorageResourcesTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_bad_budget_lists_all_its_faults()
    {
        var error = Assert.Throws<ArgumentException>(() =>
            new StorageResources(new() { MemoryBytes = 1, BackgroundThreads = 0, BackgroundWriteBytesPerSecond = -1 }));

        Assert.Contains(nameof(StorageBudget.MemoryBytes), error.Message, StringComparison.Ordinal);
        Assert.Contains(nameof(StorageBudget.BackgroundThreads), error.Message, StringComparison.Ordinal);
        Assert.Contains(nameof(StorageBudget.BackgroundWriteBytesPerSecond), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Resources_outlive_their_engines()
    {
        var resources = new StorageResources(new() { MemoryBytes = StorageBudget.MemoryBytesMin, BackgroundWriteBytesPerSecond = 50 << 20 });
        var engine = resources.Open(_directory["db"]);
        Assert.Equal(1, resources.OpenEngines);
        Assert.Throws<InvalidOperationException>(resources.Dispose);
        engine.Dispose();
        resources.Dispose();
        Assert.Throws<ObjectDisposedException>(() => resources.Open(_directory["db"]));
    }

    [Fact]
    public void The_largest_write_buffer_is_flushed_when_all_together_are_too_large()
    {
        using var resources = new StorageResources(new() { MemoryBytes = StorageBudget.MemoryBytesMin });
        using var cold = resources.Open(_directory["cold"]);
        using var hot = resources.Open(_directory["hot"]);
        Write(cold, 0, bytes: 2 << 20);
        var most = 0L;
        for (var i = 1; i <= 40; i++)
        {
            Write(hot, i, bytes: 1 << 20);
            most = Math.Max(most, resources.Usage.WriteBufferBytes);
        }

        Assert.True(most < 2 * resources.Usage.WriteBufferBytesMax, $"Write buffers grew to {most} of {resources.Usage.WriteBufferBytesMax}.");
        Assert.NotNull(hot.GetDurable([1]));
    }

    private static void Write(IStorageEngine engine, int key, int bytes)
    {
        var batch = new EngineBatch();
        batch.Put([(byte)key], new byte[bytes]);
        engine.Write(batch);
    }
}
