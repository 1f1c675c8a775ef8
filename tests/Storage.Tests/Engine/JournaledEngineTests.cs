using KvRaft.Storage.Engine;

namespace KvRaft.Storage.Tests.Engine;

/// <summary>An engine with its own log: after a sync, the files contain everything, whatever is still in memory.</summary>
public sealed class JournaledEngineTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void What_was_synced_is_in_the_files_without_any_flush_of_tables()
    {
        var (running, copy) = (Path.Combine(_directory.Path, "running"), Path.Combine(_directory.Path, "copy"));
        using var engine = Engines.Shared.OpenJournaled(running);
        var batch = new EngineBatch();
        for (var i = 0; i < 100; i++)
        {
            batch.Put([(byte)i], [1, (byte)i]);
        }

        engine.Write(batch);
        engine.Flush();
        Directory.CreateDirectory(copy);
        foreach (var file in Directory.GetFiles(running))
        {
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        }

        Assert.Equal(0, engine.Statistics.DiskBytes);
        using var reopened = Engines.Shared.OpenJournaled(copy);
        Assert.All(Enumerable.Range(0, 100), i => Assert.Equal([1, (byte)i], reopened.Get([(byte)i])));
    }
}
