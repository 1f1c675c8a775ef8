using KvRaft.Storage.Commands;
using KvRaft.Storage.Shards;
using static KvRaft.Storage.Tests.Shards.Replica;

namespace KvRaft.Storage.Tests.Shards;

/// <summary>Copies of a replica, and replicas replaced by a copy, with a crash in between.</summary>
public sealed class CheckpointTests : IDisposable
{
    private static readonly string[] InstallSteps = ["checked", "synced", "renamed"];

    private readonly TemporaryDirectory _directory = new();

    public static TheoryData<string, string> Crashes
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var step in InstallSteps)
            {
                data.Add(Engines.RocksDb, step);
                data.Add(Engines.InMemory, step);
            }

            return data;
        }
    }

    public void Dispose() => _directory.Dispose();

    [Theory, MemberData(nameof(Engines.Both), MemberType = typeof(Engines))]
    public void A_digest_that_was_begun_is_that_of_its_moment_whatever_is_applied_or_installed_meanwhile(string engine)
    {
        using var shard = Filled("shard", engine);
        using var ahead = Filled("ahead", engine);
        ahead.Apply(Put("more", "1"));
        ahead.Machine.SaveCheckpoint(_directory["checkpoint"]);
        var (digest, read) = (shard.Machine.Digest(), 0L);
        using (var source = shard.Machine.BeginDigest())
        {
            shard.Machine.InstallCheckpoint(_directory["checkpoint"]);
            Assert.NotEqual(digest, shard.Machine.Digest());
            Assert.Equal(digest, source.Compute(bytes => read += bytes));
        }

        Assert.True(read > 0);
        Assert.Equal(ahead.Machine.Digest(), shard.Machine.Digest());
    }

    [Theory, MemberData(nameof(Engines.Both), MemberType = typeof(Engines))]
    public void A_copy_is_equal_and_goes_on_alone(string engine)
    {
        using var source = Filled("source", engine);
        var position = source.Machine.SaveCheckpoint(_directory["checkpoint"]);
        Assert.Equal((source.Machine.Applied, source.Machine.Applied), (position, source.Machine.Durable));
        Assert.Empty(Directory.GetDirectories(_directory["checkpoint"]));

        using var target = new Replica(_directory["target"], Engines.Named(engine));
        target.Apply(Put("old", "state"));
        target.Machine.InstallCheckpoint(_directory["checkpoint"]);
        target.Next = position.Index + 1;
        Assert.False(Directory.Exists(_directory["checkpoint"]));
        Assert.Equal((source.Machine.Digest(), position, position), (target.Machine.Digest(), target.Machine.Applied, target.Machine.Durable));
        Assert.Equal((source.Machine.Clock, source.Machine.Revision), (target.Machine.Clock, target.Machine.Revision));

        source.Apply(Put("next", "1"));
        target.Apply(Put("next", "1"));
        Assert.Equal(source.Machine.Digest(), target.Machine.Digest());
        target.NowMs = 5_000;
        Assert.NotNull(target.Machine.DueCommand(5_000));
        Assert.Equal(1, target.Apply(new TickCommand(10)).Affected);
        target.Reopen();
        Assert.Null(target.Get("old"));
        Assert.Single(Directory.GetDirectories(_directory["target"]));
    }

    [Theory, MemberData(nameof(Crashes))]
    public void A_crash_at_any_step_of_an_install_leaves_the_old_or_the_new_state(string engine, string step)
    {
        using var source = Filled("source", engine);
        source.Machine.SaveCheckpoint(_directory["checkpoint"]);
        using var target = new Replica(_directory["target"], Engines.Named(engine));
        target.Apply(Put("old", "state"));
        target.Machine.Flush();
        var old = target.Machine.Digest();
        var crashed = "";
        target.Machine.InstallStepDone = done =>
        {
            if (done == step)
            {
                crashed = _directory.CopyAsAfterCrash(_directory["target"], "crashed");
                throw new IOException("The world ends.");
            }
        };
        Assert.Throws<IOException>(() => target.Machine.InstallCheckpoint(_directory["checkpoint"]));

        // Readers of the running process still see the old state; the state after a restart depends on the rename alone.
        Assert.Equal("state", target.Get("old"));
        var isNew = step == "renamed";
        using var survivor = new Replica(crashed, Engines.Named(engine));
        Assert.Equal(isNew ? source.Machine.Digest() : old, survivor.Machine.Digest());
        Assert.Equal(isNew ? source.Machine.Applied : target.Machine.Applied, survivor.Machine.Applied);
        Assert.Single(Directory.GetDirectories(crashed));
        survivor.Apply(Put("on", "it goes"));

        // Before the rename the replica itself is intact; after it, only a restart can continue.
        if (isNew)
        {
            Assert.Throws<StorageException>(() => target.Apply(Put("more", "1")));
        }
        else
        {
            target.Apply(Put("more", "1"));
        }
    }

    [Fact]
    public void An_incomplete_or_damaged_checkpoint_is_refused_and_harms_nothing()
    {
        using var source = Filled("source", Engines.RocksDb);
        using var target = new Replica(_directory["target"], Engines.Shared);
        target.Apply(Put("old", "state"));

        AssertRefused(target, Damage(source, "no-meta", directory => File.Delete(Path.Combine(directory, "META"))));
        AssertRefused(target, Damage(source, "meta-flipped", directory => Flip(Path.Combine(directory, "META"))));
        AssertRefused(target, Damage(source, "file-lost", directory => File.Delete(Table(directory))));
        AssertRefused(target, Damage(source, "file-flipped", directory => Flip(Table(directory))));
        AssertRefused(target, Damage(source, "file-cut", directory =>
        {
            using var file = File.OpenWrite(Table(directory));
            file.SetLength(file.Length - 1);
        }));
        target.Apply(Put("on", "it goes"));
    }

    [Fact]
    public void An_older_checkpoint_is_refused()
    {
        using var shard = Filled("shard", Engines.InMemory);
        shard.Machine.SaveCheckpoint(_directory["checkpoint"]);
        shard.Apply(Put("newer", "1"));

        Assert.Throws<ArgumentException>(() => shard.Machine.InstallCheckpoint(_directory["checkpoint"]));
        Assert.Equal("1", shard.Get("newer"));
    }

    [Fact]
    public void A_second_checkpoint_needs_a_new_directory()
    {
        using var shard = Filled("shard", Engines.RocksDb);
        shard.Machine.SaveCheckpoint(_directory["one"]);
        shard.Apply(Put("later", "1"));

        Assert.Throws<ArgumentException>(() => shard.Machine.SaveCheckpoint(_directory["one"]));
        Assert.Equal(shard.Machine.Applied, shard.Machine.SaveCheckpoint(_directory["two"]));
        using var target = new Replica(_directory["target"], Engines.Shared);
        target.Machine.InstallCheckpoint(_directory["two"]);
        Assert.Equal(shard.Machine.Digest(), target.Machine.Digest());
    }

    /// <summary>To read a copy of some GiB takes seconds. Writers waited meanwhile, because one thread read and applied.</summary>
    [Fact]
    public void A_copy_is_completed_beside_what_is_applied_and_even_beside_a_replacement()
    {
        using var shard = Filled("shard", Engines.RocksDb);
        using var other = new Replica(_directory["other"], Engines.Shared);
        shard.Machine.SaveCheckpoint(_directory["base"]);
        other.Machine.InstallCheckpoint(_directory["base"]);
        other.Next = other.Machine.Applied.Index + 1;
        other.Apply(Put("newer", "1"));
        other.Apply(Put("newest", "1"));
        other.Machine.SaveCheckpoint(_directory["newer"]);

        var digest = shard.Machine.Digest();
        var (position, complete) = shard.Machine.TakeCheckpoint(_directory["copy"]);
        Assert.Equal(shard.Machine.Applied, position);
        shard.Apply(Put("later", "1"));
        shard.Machine.InstallCheckpoint(_directory["newer"]);
        complete();

        using var target = new Replica(_directory["target"], Engines.Shared);
        target.Machine.InstallCheckpoint(_directory["copy"]);
        Assert.Equal((position, digest), (target.Machine.Applied, target.Machine.Digest()));

        // Files of one name in both engines are not confused.
        shard.Machine.SaveCheckpoint(_directory["again"]);
        using var last = new Replica(_directory["last"], Engines.Shared);
        last.Machine.InstallCheckpoint(_directory["again"]);
        Assert.Equal(other.Machine.Digest(), last.Machine.Digest());
    }

    [Fact]
    public async Task Readers_meet_the_old_engine_or_the_new_one_and_never_a_closed_one()
    {
        using var source = Filled("source", Engines.RocksDb);
        using var target = new Replica(_directory["target"], Engines.Shared);
        target.Apply(Put("k1", "old"));
        using var stop = new CancellationTokenSource();
        var reads = 0;
        var readers = Enumerable.Range(0, 3).Select(_ => Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                Assert.Contains(target.Get("k1"), new[] { "old", "value 1" });
                Assert.NotEmpty(target.Machine.Scan(new(Space, default, default)).Items);
                Interlocked.Increment(ref reads);
            }
        })).ToList();

        for (var round = 0; round < 5; round++)
        {
            source.Apply(Put("round", $"{round}"));
            source.Machine.SaveCheckpoint(_directory[$"checkpoint{round}"]);
            var before = Volatile.Read(ref reads);
            target.Machine.InstallCheckpoint(_directory[$"checkpoint{round}"]);
            SpinWait.SpinUntil(() => Volatile.Read(ref reads) > before + 3 || readers.Exists(reader => reader.IsFaulted));
        }

        await stop.CancelAsync();
        await Task.WhenAll(readers);
        Assert.Equal("value 1", target.Get("k1"));
        Assert.Equal(source.Machine.Digest(), target.Machine.Digest());
    }

    [Fact]
    public void A_dropped_replica_is_gone_and_may_come_back_empty()
    {
        var shard = Filled("shard", Engines.RocksDb);
        shard.Dispose();
        ShardStateMachine.Drop(_directory["shard"]);
        ShardStateMachine.Drop(_directory["shard"]);
        Assert.Empty(Directory.GetFileSystemEntries(_directory.Path));

        using var fresh = new Replica(_directory["shard"], Engines.Shared);
        Assert.Equal(LogPosition.None, fresh.Machine.Applied);
    }

    private static void AssertRefused(Replica target, string checkpoint)
    {
        Assert.Throws<InvalidDataException>(() => target.Machine.InstallCheckpoint(checkpoint));
        Assert.Equal("state", target.Get("old"));
    }

    private static string Table(string directory) => Directory.GetFiles(directory, "*.sst").First();

    private static void Flip(string path)
    {
        // The tables of a checkpoint are hard links: damage a copy, or the source would be damaged with it.
        var bytes = File.ReadAllBytes(path);
        bytes[bytes.Length / 2] ^= 0x10;
        File.Delete(path);
        File.WriteAllBytes(path, bytes);
    }

    private string Damage(Replica source, string name, Action<string> damage)
    {
        source.Machine.SaveCheckpoint(_directory[name + "-source"]);
        var copy = _directory.CopyAsAfterCrash(_directory[name + "-source"], name);
        damage(copy);
        return copy;
    }

    private Replica Filled(string name, string engine)
    {
        var replica = new Replica(_directory[name], Engines.Named(engine));
        for (var i = 0; i < 20; i++)
        {
            replica.Apply(
                Put($"k{i}", $"value {i}") with { Stamp = new(CommandGen.Client(1), (ulong)i + 1, (ulong)i) },
                new IncrementCommand(Space, Bytes("n"), i));
        }

        replica.Apply(Put("mortal", "1", expireAtMs: 5_000));
        return replica;
    }
}
