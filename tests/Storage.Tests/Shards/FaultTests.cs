using KvRaft.Storage.Commands;
using KvRaft.Storage.Engine;
using static KvRaft.Storage.Tests.Shards.Replica;

namespace KvRaft.Storage.Tests.Shards;

/// <summary>If a disk fails, this replica stops: with a typed error, at once, and without a wrong answer.</summary>
public sealed class FaultTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_failed_write_breaks_the_replica_and_leaves_its_last_complete_state()
    {
        var faults = new FaultyEngines();
        using var shard = new Replica(_directory["shard"], faults);
        shard.Apply(Put("a", "1"));
        faults.FailWrites = true;
        Assert.Throws<StorageException>(() => shard.Apply(Put("a", "2")));
        faults.FailWrites = false;

        Assert.Throws<StorageException>(() => shard.Apply(Put("a", "3")));
        Assert.Throws<StorageException>(shard.Machine.Flush);
        Assert.Throws<StorageException>(() => shard.Machine.SaveCheckpoint(_directory["checkpoint"]));
        Assert.Equal("1", shard.Get("a"));
        Assert.Equal((1L, 1L), (shard.Machine.Applied.Index, shard.Machine.Revision));

        shard.Reopen();
        Assert.Equal("2", Applied(shard, Put("a", "2")));
    }

    [Fact]
    public void A_damaged_row_is_corruption_for_readers_and_for_apply()
    {
        var faults = new FaultyEngines();
        using var shard = new Replica(_directory["shard"], faults);
        shard.Apply(Put("a", "1"));
        faults.DamageReads = true;

        Assert.Throws<StorageCorruptionException>(() => shard.Get("a"));
        Assert.Throws<StorageCorruptionException>(() => shard.Apply(Put("a", "2")));
        faults.DamageReads = false;
        Assert.Equal("1", shard.Get("a"));
    }

    [Fact]
    public void A_flipped_bit_in_a_table_is_found_by_reading_and_by_verifying()
    {
        var path = _directory["db"];
        using (var engine = Engines.Shared.Open(path))
        {
            var batch = new EngineBatch();
            for (var i = 0; i < 100; i++)
            {
                batch.Put([1, (byte)i], new byte[100]);
            }

            engine.Write(batch);
        }

        Damage(Assert.Single(Directory.GetFiles(path, "*.sst")), atByte: 40);
        using var damaged = Engines.Shared.Open(path);
        Assert.Throws<StorageCorruptionException>(damaged.VerifyChecksums);
        Assert.Throws<StorageCorruptionException>(() => damaged.Get([1, 50]));
        Assert.Throws<StorageCorruptionException>(() => ReadAll(damaged));
        Assert.Throws<StorageCorruptionException>(() => damaged.GetDurable([1, 50]));
    }

    [Theory]
    [InlineData("MANIFEST-*")]
    [InlineData("CURRENT")]
    [InlineData("*.sst")]
    public void A_directory_that_lost_or_garbled_a_file_does_not_open(string pattern)
    {
        using (var shard = new Replica(_directory["shard"], Engines.Shared))
        {
            shard.Apply(Put("a", "1"));
        }

        File.WriteAllText(Directory.GetFiles(_directory["shard"], pattern, SearchOption.AllDirectories).Single(), "garbage\n");
        Assert.ThrowsAny<StorageException>(() =>
        {
            using var shard = new Replica(_directory["shard"], Engines.Shared);
            shard.Get("a");
        });
    }

    [Fact]
    public void A_replica_cannot_be_opened_twice()
    {
        using var shard = new Replica(_directory["shard"], Engines.Shared);

        Assert.Throws<StorageException>(() => new Replica(_directory["shard"], Engines.Shared));
        shard.Apply(Put("a", "1"));
    }

    [Fact]
    public void After_disposal_there_are_exceptions_and_no_crash()
    {
        var shard = new Replica(_directory["shard"], Engines.Shared);
        shard.Apply(Put("a", "1"));
        shard.Dispose();
        shard.Dispose();

        Assert.Throws<ObjectDisposedException>(() => shard.Get("a"));
        Assert.Throws<ObjectDisposedException>(() => shard.Scan());
        Assert.Throws<ObjectDisposedException>(() => shard.Machine.Durable);
        Assert.Throws<ObjectDisposedException>(() => shard.Apply(Put("a", "2")));
    }

    private static string? Applied(Replica shard, ShardCommand command)
    {
        shard.Apply(command);
        return shard.Get("a");
    }

    private static void ReadAll(IStorageEngine engine)
    {
        using var snapshot = engine.TakeSnapshot();
        using var rows = snapshot.Scan([], []);
        while (rows.MoveNext())
        {
        }
    }

    private static void Damage(string path, int atByte)
    {
        using var file = File.Open(path, FileMode.Open, FileAccess.ReadWrite);
        file.Position = atByte;
        var value = file.ReadByte();
        file.Position = atByte;
        file.WriteByte((byte)(value ^ 1));
    }
}
