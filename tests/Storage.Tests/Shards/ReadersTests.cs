using System.Globalization;
using System.Text;
using KvRaft.Storage.Commands;
using KvRaft.Storage.Schema;
using KvRaft.Storage.Shards;
using static KvRaft.Storage.Tests.Shards.Replica;

namespace KvRaft.Storage.Tests.Shards;

/// <summary>Reads beside a running apply see states of the log, and never an older one after a newer one.</summary>
public sealed class ReadersTests : IDisposable
{
    private const int Rounds = 400;

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory, MemberData(nameof(Engines.Both), MemberType = typeof(Engines))]
    public async Task A_read_time_is_published_and_never_decreases(string engine)
    {
        using var shard = new Replica(_directory["shard"], Engines.Named(engine));
        shard.Apply(Put("x", "0"), Put("y", "0"));
        using var done = new CancellationTokenSource();
        var readers = Enumerable.Range(0, 2).Select(_ => Task.Run(() => ReadUntil(shard.Machine, done.Token))).ToList();

        for (var round = 1; round <= Rounds; round++)
        {
            // One batch changes both keys, together with a key whose absence is as significant as its presence.
            shard.Apply(Put("x", $"{round}"), round % 2 == 0 ? Put("even", $"{round}") : Delete("even"), Put("y", $"{round}"));
        }

        await done.CancelAsync();
        var reads = await Task.WhenAll(readers);
        Assert.All(reads, count => Assert.True(count > 0, "A reader never got to read."));
    }

    [Theory, MemberData(nameof(Engines.Both), MemberType = typeof(Engines))]
    public async Task A_digest_taken_beside_applies_is_the_one_of_its_position(string engine)
    {
        using var shard = new Replica(_directory["shard"], Engines.Named(engine));
        shard.Apply(Put("x", "0"));
        using var done = new CancellationTokenSource();
        var reader = Task.Run(() =>
        {
            var taken = new List<(LogPosition Position, long Revision, ulong Digest)>();
            do
            {
                taken.Add(shard.Machine.DigestAtPosition());
            }
            while (!done.IsCancellationRequested);
            return taken;
        });

        var digests = new Dictionary<long, (long, ulong)> { [1] = (shard.Machine.Revision, shard.Machine.Digest()) };
        for (var round = 1; round <= Rounds; round++)
        {
            shard.Apply(Put("x", $"{round}"), Put($"key-{round}", "y"));
            digests[shard.Machine.Applied.Index] = (shard.Machine.Revision, shard.Machine.Digest());
        }

        await done.CancelAsync();
        Assert.All(await reader, taken => Assert.Equal(digests[taken.Position.Index], (taken.Revision, taken.Digest)));
    }

    [Theory]
    [InlineData("x")]
    [InlineData("deleted by the batch")]
    public async Task A_read_that_saw_a_batch_returns_only_after_its_publication(string key)
    {
        var engines = new FaultyEngines();
        using var shard = new Replica(_directory["shard"], engines);
        shard.Apply(Put("x", "0"), Put("deleted by the batch", "0"));
        Task<(string? Value, long Applied)>? read = null;
        engines.AfterWrite = () =>
        {
            // The batch is visible and not published. Hold the writer until the reader either returned too early, or reads the
            // position of the engine, which it does only in order to wait.
            var checksState = new TaskCompletionSource();
            engines.AfterRead = row =>
            {
                if (row.AsSpan().SequenceEqual(KeyLayout.ShardState))
                {
                    checksState.TrySetResult();
                }
            };
            read = Task.Run(() => (shard.Get(key), shard.Machine.Applied.Index));
            Task.WaitAny(checksState.Task, read);
            engines.AfterRead = null;
        };
        shard.Apply(Put("x", "1"), Delete("deleted by the batch"));

        Assert.Equal((key == "x" ? "1" : null, 2L), await read!);
    }

    private static int ReadUntil(ShardStateMachine machine, CancellationToken done)
    {
        var reads = 0;
        long seen = 0;
        while (!done.IsCancellationRequested || reads == 0)
        {
            var atStart = machine.Applied.Index;
            var x = machine.Get(Space, "x"u8)!.Value;
            Assert.True(machine.Revision >= x.Version, "A value was returned before its batch was published.");
            seen = NotBefore(seen, Round(x));
            Assert.True(Round(x) >= atStart - 1, "A read missed what was applied when it began.");

            // The key exists after even rounds only, so its absence must have held in a round not older than the one seen.
            var even = machine.Get(Space, "even"u8);
            var published = machine.Applied.Index - 1;
            Assert.True(even is not null || seen == 0 || seen % 2 == 1 || published > seen, $"Absent after round {seen} of {published}.");
            seen = even is { } value ? NotBefore(seen, Round(value)) : seen;

            var page = machine.Scan(new(Space, default, default));
            var rounds = page.Items.Select(item => Round(item.Value)).Distinct().ToList();
            seen = NotBefore(seen, Assert.Single(rounds));
            Assert.True(machine.Revision >= page.Revision);
            Assert.Equal(rounds[0] != 0 && rounds[0] % 2 == 0 ? 3 : 2, page.Items.Count);
            reads++;
        }

        return reads;
    }

    private static long Round(StoredValue value) => long.Parse(Encoding.UTF8.GetString(value.Value.Span), CultureInfo.InvariantCulture);

    private static long NotBefore(long seen, long now)
    {
        Assert.True(now >= seen, $"Round {now} was read after round {seen}.");
        return now;
    }
}
