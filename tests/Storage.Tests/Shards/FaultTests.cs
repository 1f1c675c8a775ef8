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

    /// <summary>Such a replica was never opened again, and the node repeated the attempt for ever: only damage leads to a rebuild.</summary>
    [Theory]
    [InlineData("", false), InlineData("db-1", false), InlineData("db-1/CURRENT", true), InlineData("db-1/MANIFEST-*", true), InlineData("db-1/IDENTITY", true), InlineData("db-1/LOCK", true)]
    public void A_file_in_the_place_of_a_directory_or_the_reverse_is_damage(string place, bool isDirectory)
    {
        using (var shard = new Replica(_directory["shard"], Engines.Shared))
        {
            shard.Apply(Put("a", "1"));
        }

        var path = place.EndsWith('*') ? Directory.GetFiles(_directory["shard/db-1"], "MANIFEST-*").Single() : Path.TrimEndingDirectorySeparator(_directory["shard/" + place]);
        DurableFile.Delete(path);
        if (isDirectory)
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            File.WriteAllText(path, "a file");
        }

        Assert.Throws<StorageCorruptionException>(() => new Replica(_directory["shard"], Engines.Shared));
    }

    [Fact]
    public void A_file_beside_the_state_with_the_name_of_a_later_one_is_damage()
    {
        using (var shard = new Replica(_directory["shard"], Engines.Shared))
        {
            shard.Apply(Put("a", "1"));
        }

        File.WriteAllText(_directory["shard/db-2"], "a file");

        Assert.Throws<StorageCorruptionException>(() => new Replica(_directory["shard"], Engines.Shared));
    }

    [Theory]
    [InlineData(24, typeof(StorageUnavailableException)), InlineData(12, typeof(StorageUnavailableException)), InlineData(13, typeof(StorageUnavailableException))]
    [InlineData(28, typeof(StorageFullException)), InlineData(5, typeof(StorageException)), InlineData(20, typeof(StorageCorruptionException))]
    public void A_directory_that_cannot_be_opened_is_damaged_only_if_the_system_and_the_disk_are_not_the_cause(int number, Type kind) =>
        Assert.IsType(kind, OpenFault.Of(new IOException("refused", number), "/d"));

    [Fact]
    public void A_replica_cannot_be_opened_twice()
    {
        using var shard = new Replica(_directory["shard"], Engines.Shared);

        Assert.Throws<StorageUnavailableException>(() => new Replica(_directory["shard"], Engines.Shared));
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
