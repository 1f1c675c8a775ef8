using KvRaft.Eventual.Replicas;
using KvRaft.Eventual.Trees;
using KvRaft.Storage;
using KvRaft.Storage.Engine;
using KvRaft.Topology;
using Microsoft.Extensions.Time.Testing;

namespace KvRaft.Eventual.Tests.Replicas;

/// <summary>
/// Files of the store are damaged or missing, or its disk is full. None of this stops the replica: damaged files are set aside, their readable part
/// stays, the replica begins a new
/// incarnation, and its answers do not count until it has met every node.
/// </summary>
public sealed class DamagedStoreTests : IDisposable
{
    private const int Keys = 400;

    private static readonly Tenure Kept = new(1, 3, 2, 2);
    private static readonly KeyspaceId Keyspace = Some.Key("0").Keyspace;

    /// <summary>Random text does not compress, so that a flipped byte falls into one block of many.</summary>
    private static readonly string Value = Convert.ToHexString(Bytes(512));

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_flipped_byte_of_a_table_costs_the_rows_of_its_block_and_no_others()
    {
        await FillAsync();
        Flip(Directory.GetFiles(StoreDirectory.Store(_directory.Path), "*.sst").MaxBy(static file => new FileInfo(file).Length)!, place: 0.4);
        await using var replica = Some.Open(_directory.Path);
        Assert.Null(replica.Health.Outage);
        var before = replica.Tenures;
        Assert.True(before.IsWhole(Keyspace, 0, Kept));

        var met = Enumerable.Range(0, Keys).Select(number => TryRead(replica, number)).OfType<StorageException>().ToArray();
        Assert.NotEmpty(met);
        await WellAgainAsync(replica, rebuilds: 1);

        var read = Enumerable.Range(0, Keys).Count(number => !replica.Read(Key(number)).IsEmpty);
        Assert.InRange(read, Keys * 3 / 4, Keys - 1);
        Assert.Equal(read, replica.Scan(Keyspace, new Token(0), new Token(ulong.MaxValue), null, Keys).Count);
        Assert.Equal(Tree(replica), replica.Trees.Roots(Keyspace));
        Assert.Equal(1, replica.Health.RecordsLost);
        Assert.True(replica.Health.HasSetAside);
        Assert.False(replica.Tenures.IsWhole(Keyspace, 0, Kept));
        Assert.True(replica.Hints.Has(Key(0)) || replica.Read(Key(0)).IsEmpty);
    }

    // After it, no dot may be issued twice: this replica may have lost the record of its earlier dots.
    [Theory]
    [InlineData("*.sst", "gone")]
    [InlineData("MANIFEST-*", "gone")]
    [InlineData("MANIFEST-*", "cut")]
    [InlineData("CURRENT", "gone")]
    public async Task A_replica_starts_with_a_missing_or_cut_file_of_its_store_under_a_new_actor_id(string file, string damage)
    {
        var writer = await FillAsync();
        var path = Directory.GetFiles(StoreDirectory.Store(_directory.Path), file).Order(StringComparer.Ordinal).Last();
        if (damage == "gone")
        {
            File.Delete(path);
        }
        else
        {
            using var stream = new FileStream(path, FileMode.Open);
            stream.SetLength(stream.Length / 2);
        }

        await using var replica = Some.Open(_directory.Path);
        await WellAgainAsync(replica, rebuilds: 1);

        Assert.True(replica.Health.HasSetAside);
        Assert.Same(TenureBook.Blank, replica.Tenures);
        Assert.NotEqual(writer, (await replica.WriteAsync(Key(1), Some.Put("new"))).State.Siblings[0].Dot.Actor.Incarnation);
        Assert.Equal(["new"], replica.Read(Key(1)).Texts());
    }

    /// <summary>The node did not start: only a damaged file was set aside, and a directory in its place is none.</summary>
    [Theory]
    [InlineData("store/CURRENT", true)]
    [InlineData("store/LOCK", true)]
    [InlineData("store", false)]
    public async Task A_replica_starts_with_a_file_in_the_place_of_a_directory_or_the_reverse(string place, bool isDirectory)
    {
        await FillAsync();
        Replace(place, isDirectory);

        await using var replica = Some.Open(_directory.Path);
        await WellAgainAsync(replica, rebuilds: 1);

        Assert.True(replica.Health.HasSetAside);
        Assert.Same(TenureBook.Blank, replica.Tenures);
        await replica.WriteAsync(Key(1), Some.Put("new"));
        Assert.Equal(["new"], replica.Read(Key(1)).Texts());
        replica.DropSetAside(replica.Doubts);
        Assert.False(replica.Health.HasSetAside);
    }

    [Theory]
    [InlineData("MARK")]
    [InlineData("INCARNATION")]
    [InlineData("store.new")]
    public async Task A_directory_or_file_in_the_place_of_a_small_file_costs_nothing(string place)
    {
        await FillAsync();
        Replace(place, isDirectory: place != "store.new");

        await using (var replica = Some.Open(_directory.Path))
        {
            Assert.Null(replica.Health.Outage);
            await replica.WriteAsync(Key(1), Some.Put("new"));
        }

        await using var again = Some.Open(_directory.Path);
        Assert.Null(again.Health.Outage);
        Assert.Contains("new", again.Read(Key(1)).Texts());
    }

    private void Replace(string place, bool isDirectory)
    {
        var path = Path.Combine(_directory.Path, place);
        DurableFile.Delete(path);
        if (isDirectory)
        {
            Directory.CreateDirectory(Path.Combine(path, "content"));
        }
        else
        {
            File.WriteAllText(path, "a file");
        }
    }

    // RocksDB's default silently drops everything behind the damage, including synced and acknowledged writes.
    [Fact]
    public async Task A_flipped_byte_of_the_write_ahead_log_is_detected_and_earlier_records_remain()
    {
        await FillAsync(isInTables: false);
        Flip(Directory.GetFiles(StoreDirectory.Store(_directory.Path), "*.log").Single(static file => new FileInfo(file).Length > 0), place: 0.5);

        await using var replica = Some.Open(_directory.Path);
        await WellAgainAsync(replica, rebuilds: 1);

        var read = Enumerable.Range(0, Keys).Count(number => !replica.Read(Key(number)).IsEmpty);
        Assert.InRange(read, Keys / 4, Keys - 1);
        Assert.Same(TenureBook.Blank, replica.Tenures);
    }

    [Fact]
    public async Task A_missing_file_of_the_write_ahead_log_is_detected()
    {
        await FillAsync(isInTables: false);
        foreach (var log in Directory.GetFiles(StoreDirectory.Store(_directory.Path), "*.log"))
        {
            File.Delete(log);
        }

        await using var replica = Some.Open(_directory.Path);
        await WellAgainAsync(replica, rebuilds: 1);

        Assert.Same(TenureBook.Blank, replica.Tenures);
    }

    [Fact]
    public async Task An_unfinished_copy_begins_again_at_the_next_start()
    {
        await FillAsync();
        StoreDirectory.SetAside(_directory.Path);
        Directory.CreateDirectory(StoreDirectory.Unfinished(_directory.Path));
        File.WriteAllText(Path.Combine(StoreDirectory.Unfinished(_directory.Path), "CURRENT"), "half");

        await using var replica = Some.Open(_directory.Path);
        await WellAgainAsync(replica, rebuilds: 1);

        Assert.All(Enumerable.Range(0, Keys), number => Assert.Equal([Value], replica.Read(Key(number)).Texts()));
        Assert.Equal(0, replica.Health.RecordsLost);
        Assert.False(replica.Tenures.IsWhole(Keyspace, 0, Kept));
    }

    [Fact]
    public async Task While_its_disk_is_full_a_replica_refuses_writes_serves_reads_and_takes_writes_again_when_there_is_room()
    {
        var engines = new FullEngines(Some.Engines);
        await using var replica = EventualReplica.Open(_directory.Path, engines, new EventualLimits(), TimeProvider.System, () => !engines.IsFull);
        await replica.WriteAsync(Key(0), Some.Put("before"));
        var roots = replica.Trees.Roots(Keyspace);

        engines.IsFull = true;
        await Assert.ThrowsAsync<StorageFullException>(() => replica.WriteAsync(Key(0), Some.Put("during")));
        await Assert.ThrowsAsync<StorageFullException>(() => replica.WriteAsync(Key(1), Some.Put("during")));

        Assert.Equal(OutageKind.NoRoom, replica.Health.Outage?.Kind);
        Assert.Equal(["before"], replica.Read(Key(0)).Texts());
        Assert.Equal(roots, replica.Trees.Roots(Keyspace));
        Assert.False(replica.Failure.IsCompleted);

        engines.IsFull = false;
        await WellAgainAsync(replica, rebuilds: 0);
        await replica.WriteAsync(Key(1), Some.Put("after"));
        Assert.Equal(["before"], replica.Read(Key(0)).Texts());
        Assert.Equal(["after"], replica.Read(Key(1)).Texts());
        Assert.Equal(2, engines.Opened);
    }

    /// <summary>The node ended: only a full disk and damage were outages.</summary>
    [Fact]
    public async Task While_the_system_refuses_descriptors_a_replica_refuses_writes_and_is_reopened_later()
    {
        var (time, engines) = (new FakeTimeProvider(), new FullEngines(Some.Engines));
        await using var replica = EventualReplica.Open(_directory.Path, engines, new EventualLimits(), time);
        await replica.WriteAsync(Key(0), Some.Put("before"));

        var refusal = new StorageUnavailableException("Too many open files");
        (engines.WriteError, engines.OpenError) = (refusal, refusal);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => replica.WriteAsync(Key(0), Some.Put("during")));
        Assert.Equal(OutageKind.Refused, replica.Health.Outage?.Kind);
        Assert.Equal(["before"], replica.Read(Key(0)).Texts());

        // The first attempt to reopen the store is refused as well.
        await PassUntilAsync(() => engines.Opened == 2);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => replica.WriteAsync(Key(0), Some.Put("during")));
        Assert.Throws<StorageUnavailableException>(() => replica.Read(Key(0)));
        Assert.False(replica.Failure.IsCompleted);

        (engines.WriteError, engines.OpenError) = (null, null);
        await PassUntilAsync(() => replica.Health.Outage is null);
        await replica.WriteAsync(Key(1), Some.Put("after"));
        Assert.Equal(["before"], replica.Read(Key(0)).Texts());
        Assert.Equal(["after"], replica.Read(Key(1)).Texts());
        Assert.Equal(0, replica.Health.Rebuilds);

        async Task PassUntilAsync(Func<bool> condition)
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            while (!condition())
            {
                patience.Token.ThrowIfCancellationRequested();
                time.Advance(TimeSpan.FromSeconds(1));
                await Task.Yield();
            }
        }
    }

    [Fact]
    public void A_start_that_the_system_refuses_ends_with_its_reason()
    {
        var engines = new FullEngines(Some.Engines) { OpenError = new StorageUnavailableException("Permission denied") };
        Assert.Throws<StorageUnavailableException>(() => EventualReplica.Open(_directory.Path, engines, new EventualLimits(), TimeProvider.System));
    }

    /// <summary>.NET reports a directory in the place of a file as refused access. The task that writes the mark failed, and with it the stop of the node.</summary>
    [Fact]
    public async Task A_failed_write_of_the_mark_prevents_neither_work_nor_the_close_of_the_replica()
    {
        await using (var replica = Some.Open(_directory.Path))
        {
            Directory.CreateDirectory(Path.Combine(_directory.Path, "MARK.tmp"));
            await replica.WriteAsync(Key(0), Some.Put("x"));
        }

        Directory.Delete(Path.Combine(_directory.Path, "MARK.tmp"));
        await using var again = Some.Open(_directory.Path);
        Assert.Equal(["x"], again.Read(Key(0)).Texts());
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(3, 2)]
    [InlineData(12, 30)]
    public void Each_further_refusal_in_a_row_waits_longer(int refusals, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), EventualReplica.RefusedDelay(refusals));

    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 1)]
    [InlineData(5, 8)]
    [InlineData(12, 300)]
    [InlineData(int.MaxValue, 300)]
    public void Each_further_rebuild_in_a_row_waits_twice_as_long(int rebuilds, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), EventualReplica.RebuildDelay(rebuilds));

    [Fact]
    public async Task A_store_that_is_damaged_again_reports_its_delay_and_is_rebuilt_afterwards()
    {
        var (time, engines) = (new FakeTimeProvider(), new FullEngines(Some.Engines));
        await using var replica = EventualReplica.Open(_directory.Path, engines, new EventualLimits(), time);
        await replica.WriteAsync(Key(0), Some.Put("x"));
        Damage();
        await WellAgainAsync(replica, rebuilds: 1);

        Damage();
        while (true)
        {
            // Taken before the value is read: a change in between would be missed.
            var changed = replica.HealthChanged;
            if (replica.Health.Rebuilds >= 2)
            {
                break;
            }

            await changed.WaitAsync(TimeSpan.FromSeconds(60));
        }

        Assert.Contains("damaged 2 times in a row, so it is rebuilt after 1 s", replica.Health.Outage!.Reason, StringComparison.Ordinal);
        while (replica.Health.Outage is not null)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        Assert.Equal(["x"], replica.Read(Key(0)).Texts());

        void Damage()
        {
            engines.ReadError = new StorageCorruptionException("a block has another checksum");
            Assert.ThrowsAny<StorageException>(() => replica.Read(Key(0)));
            engines.ReadError = null;
        }
    }

    [Fact]
    public async Task A_sync_that_fails_ends_the_replica_and_nothing_is_set_aside()
    {
        var engines = new FullEngines(Some.Engines) { SyncError = new StorageCorruptionException("EIO") { IsFailedWrite = true } };
        await using var replica = EventualReplica.Open(_directory.Path, engines, new EventualLimits(), TimeProvider.System);

        await Assert.ThrowsAsync<StorageCorruptionException>(() => replica.WriteAsync(Key(0), Some.Put("x")));
        await Assert.ThrowsAsync<StorageCorruptionException>(() => replica.Failure.WaitAsync(TimeSpan.FromSeconds(30)));

        Assert.False(StoreDirectory.HasDamaged(_directory.Path));
    }

    private static StorageException? TryRead(EventualReplica replica, int number)
    {
        try
        {
            replica.Read(Key(number));
            return null;
        }
        catch (StorageException error)
        {
            return error;
        }
    }

    private static async Task WellAgainAsync(EventualReplica replica, int rebuilds)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            var changed = replica.HealthChanged;
            if (replica.Health is { Outage: null } health && health.Rebuilds == rebuilds)
            {
                return;
            }

            await Task.WhenAny(changed, replica.Failure).WaitAsync(patience.Token);
            if (replica.Failure.IsFaulted)
            {
                await replica.Failure;
            }
        }
    }

    /// <returns>The incarnation of the writes.</returns>
    private async Task<ulong> FillAsync(bool isInTables = true)
    {
        ulong incarnation;
        await using (var replica = Some.Open(_directory.Path))
        {
            await replica.HearAsync(new RingNews(0, 1, Keyspace, []), CancellationToken.None);
            await replica.HearAsync(new RingNews(1, 1, new KeyspaceId(Keyspace.Value + 1), [new KeptKeyspace(Keyspace, Kept, TokenRangeSet.Where(static _ => true))]), CancellationToken.None);
            for (var number = 0; number < Keys; number += 20)
            {
                await Task.WhenAll(Enumerable.Range(number, 20).Select(each => replica.WriteAsync(Key(each), Some.Put(Value))));
            }

            await replica.WriteAsync(Key(0), new AddHint([new NodeId("n2")]));
            incarnation = replica.Read(Key(0)).Siblings[0].Dot.Actor.Incarnation;
        }

        if (isInTables)
        {
            using var engine = Some.Engines.OpenJournaled(StoreDirectory.Store(_directory.Path));
            engine.SaveCheckpoint(Path.Combine(_directory.Path, "copy"));
        }

        return incarnation;
    }

    private static EventualKey Key(int number) => Some.Key($"key-{number}");

    /// <summary>The roots of the tree of the present records.</summary>
    private static ulong[] Tree(EventualReplica replica)
    {
        var trees = new HashTrees();
        foreach (var found in replica.Scan(Keyspace, new Token(0), new Token(ulong.MaxValue), null, Keys))
        {
            trees.Replace(LeafPlace.Of(Keyspace, found.Key.Token), 0, found.Hash);
        }

        return trees.Roots(Keyspace);
    }

    private static void Flip(string path, double place)
    {
        var bytes = File.ReadAllBytes(path);
        bytes[(int)(bytes.Length * place)] ^= 0x10;
        File.WriteAllBytes(path, bytes);
    }

    private static byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        new Random(7).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Real engines on a disk that is full on command.</summary>
    private sealed class FullEngines(IEngineFactory engines) : IEngineFactory
    {
        public volatile bool IsFull;

        public volatile StorageException? ReadError;

        public volatile StorageException? WriteError;

        public volatile StorageException? OpenError;

        public StorageException? SyncError { get; init; }

        public int Opened { get; private set; }

        public IStorageEngine Open(string directory) => throw new NotSupportedException();

        public IStorageEngine OpenJournaled(string directory)
        {
            Opened++;
            if (OpenError is { } refused)
            {
                throw refused;
            }

            return new FullEngine(this, engines.OpenJournaled(directory));
        }

        private sealed class FullEngine(FullEngines disk, IStorageEngine engine) : IStorageEngine
        {
            public EngineStatistics Statistics => engine.Statistics;

            public byte[]? Get(ReadOnlySpan<byte> key) => disk.ReadError is { } error ? throw error : engine.Get(key);

            public byte[]? GetDurable(ReadOnlySpan<byte> key) => engine.GetDurable(key);

            public IEngineSnapshot TakeSnapshot() => engine.TakeSnapshot();

            public void Write(EngineBatch batch)
            {
                if (disk.WriteError is { } refused)
                {
                    throw refused;
                }

                if (disk.IsFull)
                {
                    throw new StorageFullException("No space left on device");
                }

                engine.Write(batch);
            }

            public void Flush()
            {
                if (disk.SyncError is { } error)
                {
                    throw error;
                }

                engine.Flush();
            }

            public void SaveCheckpoint(string directory) => engine.SaveCheckpoint(directory);

            public void VerifyChecksums() => engine.VerifyChecksums();

            public void Dispose() => engine.Dispose();
        }
    }
}
