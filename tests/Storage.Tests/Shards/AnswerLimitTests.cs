using KvRaft.Storage.Commands;
using KvRaft.Storage.Sessions;
using KvRaft.Storage.Shards;
using static KvRaft.Storage.Tests.Shards.CommandGen;
using static KvRaft.Storage.Tests.Shards.Replica;

namespace KvRaft.Storage.Tests.Shards;

/// <summary>
/// A request of a few bytes can request megabytes. Transactions of 128 gets that alternated between two values of 1 MiB once made every replica build
/// 128 MiB for each, until all were out of memory; and the log repeated that after each restart.
/// </summary>
public sealed class AnswerLimitTests : IDisposable
{
    private const int Large = 100_000;

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory, MemberData(nameof(Engines.Both), MemberType = typeof(Engines))]
    public void A_transaction_whose_answer_would_be_too_large_does_nothing(string engine)
    {
        using var shard = new Replica(_directory["a"], Engines.Named(engine));
        shard.Apply(Put("a", new string('x', Large)), Put("b", new string('y', Large)));
        var before = (shard.Machine.Revision, shard.Machine.Statistics.DataBytes);
        var txn = new TxnCommand(
            [], [new TxnPut(Space, Bytes("c"), Bytes("1")), .. Enumerable.Range(0, 100).Select(i => new TxnGet(Space, Bytes(i % 2 == 0 ? "a" : "b")))], [])
        {
            AnswerBytesMax = 4 * Large,
        };
        var refused = shard.Apply(txn);

        Assert.Equal((ShardStatus.Refused, RefusalReason.AnswerTooLarge, 0), (refused.Status, refused.Reason, refused.Results.Count));
        Assert.InRange(refused.Affected, (4 * Large) + 1, 5 * Large);
        Assert.Equal(before, (shard.Machine.Revision, shard.Machine.Statistics.DataBytes));
        Assert.Null(shard.Get("c"));
    }

    [Fact]
    public void Items_that_fit_are_answered_whole()
    {
        using var shard = Open();
        shard.Apply(Put("a", new string('x', Large)));
        TxnCommand Gets(int count) => new([], [.. Enumerable.Repeat(new TxnGet(Space, Bytes("a")), count)], [])
        {
            AnswerBytesMax = 3 * (Large + ShardLimits.AnswerOverheadBytes),
        };

        Assert.Equal([Large, Large, Large], shard.Apply(Gets(3)).Results.Select(result => result.Value!.Value.Value.Length));
        Assert.Equal(RefusalReason.AnswerTooLarge, shard.Apply(Gets(4)).Reason);
    }

    [Fact]
    public void Writes_that_return_what_was_there_are_bounded_alike()
    {
        using var shard = Open();
        shard.Apply(Put("a", new string('x', Large)));
        ShardCommand[] asking =
        [
            Put("a", "2") with { ReturnPrevious = true, AnswerBytesMax = Large },
            Put("a", "2") with { Condition = Condition.Absent, ReturnCurrent = true, AnswerBytesMax = Large },
            Delete("a") with { ReturnPrevious = true, AnswerBytesMax = Large },
            Delete("a") with { Condition = Condition.Absent, ReturnCurrent = true, AnswerBytesMax = Large },
            new TxnCommand([], [new TxnDelete(Space, Bytes("a")) { ReturnPrevious = true }], []) { AnswerBytesMax = Large },
            new TxnCommand([], [new TxnPut(Space, Bytes("a"), Bytes("2")) { ReturnPrevious = true }], []) { AnswerBytesMax = Large },
        ];

        Assert.All(asking, command => Assert.Equal(RefusalReason.AnswerTooLarge, shard.Apply(command).Reason));
        Assert.Equal(Large, shard.Get("a")!.Length);

        // A condition that holds returns nothing, so nothing is too large for it.
        Assert.Equal(ShardStatus.Applied, shard.Apply(Put("a", "2") with { Condition = Condition.Present, ReturnCurrent = true, AnswerBytesMax = 0 }).Status);
    }

    [Fact]
    public void A_refused_answer_is_not_remembered_so_the_same_request_may_come_with_more_room()
    {
        using var shard = Open();
        shard.Apply(Put("a", new string('x', Large)));
        var put = Put("a", "2") with { Stamp = new(Client(1), 1, 1), ReturnPrevious = true };

        Assert.Equal(RefusalReason.AnswerTooLarge, shard.Apply(put with { AnswerBytesMax = 10 }).Reason);
        Assert.Equal(RequestKnowledge.NotSeen, shard.Machine.GetRequestResult(new(Client(1), 1, 1)).Knowledge);
        var applied = shard.Apply(put);
        Assert.Equal((ShardStatus.Applied, Large, false), (applied.Status, applied.Previous!.Value.Value.Length, applied.Deduplicated));
        var again = shard.Apply(put with { AnswerBytesMax = 10 });
        Assert.Equal((true, true, applied.Version), (again.Deduplicated, again.ValueForgotten, again.Version));
    }

    [Fact]
    public void A_transaction_returns_what_it_replaces_and_so_does_its_repeat()
    {
        using var shard = Open();
        shard.Apply(Put("a", "old a"), Put("b", "old b"));
        var txn = new TxnCommand(
            [],
            [
                new TxnPut(Space, Bytes("a"), Bytes("new")) { ReturnPrevious = true }, new TxnDelete(Space, Bytes("b")) { ReturnPrevious = true },
                new TxnPut(Space, Bytes("b"), Bytes("newer")) { ReturnPrevious = true }, new TxnPut(Space, Bytes("a"), Bytes("newest")),
            ],
            [])
        {
            Stamp = new(Client(1), 1, 1),
        };

        string?[] expected = ["old a", "old b", null, null];
        Assert.Equal(expected, shard.Apply(txn).Results.Select(Text));
        Assert.Equal(expected, shard.Apply(txn).Results.Select(Text));
        Assert.Equal(("newest", "newer"), (shard.Get("a"), shard.Get("b")));
    }

    [Fact]
    public void A_bounded_read_returns_the_length_of_a_value_it_does_not_read()
    {
        using var shard = new Replica(_directory["r"], Engines.Shared);
        shard.Apply(Put("a", new string('x', Large), expireAtMs: 5_000));

        Assert.Equal(new StoredRead(new StoredValue(default, 1, 5_000), Large, IsWhole: false), shard.Machine.Read(Space, Bytes("a").Span, Large - 1));
        Assert.Equal((Large, true), (shard.Machine.Read(Space, Bytes("a").Span, Large).Value!.Value.Value.Length, shard.Machine.Read(Space, Bytes("a").Span, Large).IsWhole));
        Assert.Equal(new StoredRead(null, 0, IsWhole: true), shard.Machine.Read(Space, Bytes("b").Span, 0));
    }

    [Fact]
    public void Applying_allocates_no_multiple_of_what_a_command_names()
    {
        // A thousand values of 100 kB are compared and removed without a read of their bytes, which are 100 MB in total.
        using var shard = new Replica(_directory["m"], Engines.Shared);
        for (var i = 0; i < 1_000; i++)
        {
            shard.Apply(Put($"k{i}", new string('x', Large)));
        }

        CommittedEntry[] entries =
        [
            shard.Entry([.. Enumerable.Range(0, 500).Select(i => Put($"k{i}", "1") with { Condition = Condition.Absent })]),
            shard.Entry(new DeleteRangeCommand(Space, default, default, 1_000)),
        ];
        var before = GC.GetAllocatedBytesForCurrentThread();
        shard.Machine.Apply([.. entries.Select(entry => entry with { AnswersWanted = false })]);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10_000_000);
        Assert.Equal(0, shard.Machine.Statistics.Keys);
    }

    private static string? Text(TxnResult result) => result.Value is { } value ? System.Text.Encoding.UTF8.GetString(value.Value.Span) : null;

    private Replica Open() => new(_directory["shard"]);
}
