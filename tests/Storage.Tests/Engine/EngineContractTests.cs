using System.Text;
using CsCheck;
using KvRaft.Storage.Engine;

namespace KvRaft.Storage.Tests.Engine;

/// <summary>The contract of <see cref="IStorageEngine"/>, tested on each implementation, and on both side by side.</summary>
public sealed class EngineContractTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory, MemberData(nameof(Engines.Both), MemberType = typeof(Engines))]
    public void Reads_what_was_written_and_nothing_else(string name)
    {
        using var engine = Engines.Named(name).Open(_directory["db"]);
        Write(engine, batch => batch.Put("a"u8, "1"u8));

        Assert.Equal("1"u8.ToArray(), engine.Get("a"u8));
        Assert.Null(engine.Get("b"u8));
        Assert.Null(engine.Get(""u8));
    }

    [Theory, MemberData(nameof(Engines.Both), MemberType = typeof(Engines))]
    public void Applies_the_changes_of_a_batch_in_their_order(string name)
    {
        using var engine = Engines.Named(name).Open(_directory["db"]);
        Write(engine, batch => batch.Put("b"u8, "old"u8));
        Write(engine, batch =>
        {
            batch.Put("a"u8, "1"u8);
            batch.Delete("a"u8);
            batch.Put("c"u8, "gone"u8);
            batch.DeleteRange("b"u8, "d"u8);
            batch.Put("b"u8, "new"u8);
            batch.Put("d"u8, ""u8);
        });

        Assert.Equal("b=new d=", Dump(engine));
    }

    [Theory, MemberData(nameof(Engines.Both), MemberType = typeof(Engines))]
    public void Scans_a_range_both_ways_with_the_end_left_out(string name)
    {
        using var engine = Engines.Named(name).Open(_directory["db"]);
        Write(engine, batch =>
        {
            foreach (var key in new[] { "a", "b", "ba", "c", "\u00ff" })
            {
                batch.Put(Encoding.Latin1.GetBytes(key), "v"u8);
            }
        });
        using var snapshot = engine.TakeSnapshot();

        Assert.Equal("b ba", Keys(snapshot.Scan("b"u8, "c"u8)));
        Assert.Equal("ba b", Keys(snapshot.Scan("b"u8, "c"u8, reverse: true)));
        Assert.Equal("c \u00ff", Keys(snapshot.Scan("bb"u8, [])));
        Assert.Equal("\u00ff c ba b a", Keys(snapshot.Scan([], [], reverse: true)));
        Assert.Equal("", Keys(snapshot.Scan("c"u8, "b"u8)));
    }

    [Theory, MemberData(nameof(Engines.Both), MemberType = typeof(Engines))]
    public void A_snapshot_does_not_change(string name)
    {
        using var engine = Engines.Named(name).Open(_directory["db"]);
        Write(engine, batch => batch.Put("a"u8, "1"u8));
        using var snapshot = engine.TakeSnapshot();
        Write(engine, batch => batch.Put("a"u8, "2"u8));
        engine.Flush();
        Write(engine, batch => batch.DeleteRange([0], [0xff]));

        Assert.Equal("1"u8.ToArray(), snapshot.Get("a"u8));
        Assert.Equal("a", Keys(snapshot.Scan([], [])));
        Assert.Equal("", Dump(engine));
    }

    [Theory, MemberData(nameof(Engines.Both), MemberType = typeof(Engines))]
    public void Reports_what_would_survive_a_crash(string name)
    {
        using var engine = Engines.Named(name).Open(_directory["db"]);
        Assert.Null(engine.GetDurable("a"u8));
        Write(engine, batch => batch.Put("a"u8, "1"u8));
        Assert.Null(engine.GetDurable("a"u8));

        engine.Flush();
        Write(engine, batch => batch.Put("a"u8, "2"u8));

        Assert.Equal("1"u8.ToArray(), engine.GetDurable("a"u8));
        Assert.Equal("2"u8.ToArray(), engine.Get("a"u8));
        using var survivor = Engines.Named(name).Open(_directory.CopyAsAfterCrash(_directory["db"], "crashed"));
        Assert.Equal("1"u8.ToArray(), survivor.Get("a"u8));
    }

    [Theory, MemberData(nameof(Engines.Both), MemberType = typeof(Engines))]
    public void A_checkpoint_is_an_engine_of_its_own(string name)
    {
        using var engine = Engines.Named(name).Open(_directory["db"]);
        Write(engine, batch => batch.Put("a"u8, "1"u8));
        engine.SaveCheckpoint(_directory["copy"]);
        Write(engine, batch => batch.Put("a"u8, "2"u8));

        using var copy = Engines.Named(name).Open(_directory["copy"]);
        Write(copy, batch => batch.Put("b"u8, "3"u8));

        Assert.Equal("a=1 b=3", Dump(copy));
        Assert.Equal("a=2", Dump(engine));
        Assert.Throws<StorageException>(() => engine.SaveCheckpoint(_directory["copy"]));
    }

    [Theory, MemberData(nameof(Engines.Both), MemberType = typeof(Engines))]
    public void A_clean_close_leaves_nothing_to_replay(string name)
    {
        using (var engine = Engines.Named(name).Open(_directory["db"]))
        {
            Write(engine, batch => batch.Put("a"u8, "1"u8));
        }

        using var reopened = Engines.Named(name).Open(_directory["db"]);
        Assert.Equal("1"u8.ToArray(), reopened.GetDurable("a"u8));
    }

    [Fact]
    public void Both_engines_agree_on_every_history()
    {
        var key = Gen.Char["abcé"].Array[0, 3].Select(chars => Encoding.Latin1.GetBytes(chars));
        var change = Gen.Select(Gen.Int[0, 5], key, key);
        var runs = 0;
        change.Array[1, 8].Array[1, 12].Sample(
            history =>
            {
                var run = Interlocked.Increment(ref runs);
                using var rocks = Engines.Shared.Open(_directory[$"rocks{run}"]);
                using var memory = new InMemoryEngine(_directory[$"memory{run}"]);
                foreach (var changes in history)
                {
                    foreach (var engine in new IStorageEngine[] { rocks, memory })
                    {
                        Write(engine, batch => Record(batch, changes));
                        if (changes.Length == 8)
                        {
                            engine.Flush();
                        }
                    }
                }

                Assert.Equal(Dump(memory), Dump(rocks));
            },
            iter: 15,
            threads: 1);
    }

    private static void Record(EngineBatch batch, (int Kind, byte[] First, byte[] Second)[] changes)
    {
        foreach (var (kind, first, second) in changes)
        {
            switch (kind)
            {
                case 0:
                    batch.Delete(first);
                    break;
                case 1 when first.AsSpan().SequenceCompareTo(second) <= 0:
                    batch.DeleteRange(first, second);
                    break;
                default:
                    batch.Put(first, second);
                    break;
            }
        }
    }

    private static void Write(IStorageEngine engine, Action<EngineBatch> record)
    {
        var batch = new EngineBatch();
        record(batch);
        engine.Write(batch);
    }

    private static string Keys(IEngineCursor cursor)
    {
        using (cursor)
        {
            var keys = new List<string>();
            while (cursor.MoveNext())
            {
                keys.Add(Encoding.Latin1.GetString(cursor.Key));
            }

            return string.Join(' ', keys);
        }
    }

    private static string Dump(IStorageEngine engine)
    {
        using var snapshot = engine.TakeSnapshot();
        using var cursor = snapshot.Scan([], []);
        var rows = new List<string>();
        while (cursor.MoveNext())
        {
            rows.Add($"{Encoding.Latin1.GetString(cursor.Key)}={Encoding.Latin1.GetString(cursor.Value)}");
        }

        return string.Join(' ', rows);
    }
}
