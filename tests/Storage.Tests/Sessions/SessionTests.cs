using CsCheck;
using KvRaft.Storage.Commands;
using KvRaft.Storage.Engine;
using KvRaft.Storage.Sessions;
using KvRaft.Storage.Tests.Shards;
using static KvRaft.Storage.Tests.Shards.CommandGen;
using static KvRaft.Storage.Tests.Shards.Replica;

namespace KvRaft.Storage.Tests.Sessions;

/// <summary>A stamped write happens at most once, whatever happens in between.</summary>
public sealed class SessionTests : IDisposable
{
    private const long Minute = 60_000;

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_repeat_gets_the_first_answer_and_changes_nothing()
    {
        using var shard = Open();
        var first = shard.Apply(Stamped(1, Put("a", "1") with { ReturnPrevious = true }));
        shard.Apply(Put("a", "2"));
        var digest = shard.Machine.Digest();
        var again = shard.Apply(Stamped(1, Put("a", "1") with { ReturnPrevious = true }));

        Assert.False(first.Deduplicated);
        Assert.Equal((ShardStatus.Applied, 1L, true), (again.Status, again.Version, again.Deduplicated));
        Assert.Null(again.Previous);
        Assert.Equal("2", shard.Get("a"));
        Assert.Equal(digest, shard.Machine.Digest());
    }

    [Fact]
    public void Failed_conditions_and_refusals_are_remembered_like_successes()
    {
        using var shard = Open();
        shard.Apply(Put("a", "text"));
        var failed = Stamped(1, Put("a", "2") with { Condition = Condition.Absent });
        var refused = Stamped(2, new IncrementCommand(Space, Bytes("a"), 1));
        shard.Apply(failed, refused);
        shard.Apply(Delete("a"));
        var again = shard.Apply(failed, refused);

        Assert.Equal((ShardStatus.ConditionFailed, 1L, true), (again[0].Status, again[0].Version, again[0].Deduplicated));
        Assert.Equal((RefusalReason.NotANumber, true), (again[1].Reason, again[1].Deduplicated));
        Assert.Null(shard.Get("a"));
    }

    [Fact]
    public void A_repeat_within_one_entry_gets_the_first_answer()
    {
        using var shard = Open();
        var outcomes = shard.Apply(Stamped(1, Put("a", "1")), Stamped(1, Put("a", "1")));

        Assert.Equal([false, true], outcomes.Select(outcome => outcome.Deduplicated));
        Assert.Equal(1, shard.Machine.Revision);
    }

    [Fact]
    public void The_same_id_with_another_body_is_refused()
    {
        using var shard = Open();
        shard.Apply(Stamped(1, Put("a", "1")));

        Assert.Equal(RefusalReason.RequestIdReused, shard.Apply(Stamped(1, Put("a", "2"))).Reason);
        Assert.Equal("1", shard.Get("a"));
    }

    [Fact]
    public void Acknowledged_outcomes_are_discarded_and_never_applied_again()
    {
        using var shard = Open();
        shard.Apply(Stamped(1, Put("a", "1")), Stamped(2, Put("b", "1")), Stamped(4, Put("c", "1"), firstUnacked: 2));
        Assert.Equal(2, shard.Machine.Statistics.RememberedOutcomes);
        shard.Apply(Delete("a"));

        Assert.Equal(RefusalReason.RequestIdExpired, shard.Apply(Stamped(1, Put("a", "1"))).Reason);
        Assert.Null(shard.Get("a"));
        Assert.True(shard.Apply(Stamped(2, Put("b", "1"))).Deduplicated);
        Assert.False(shard.Apply(Stamped(3, Put("d", "1"))).Deduplicated);
        Assert.Equal(new RequestFate(RequestKnowledge.Forgotten), shard.Machine.GetRequestResult(StampOf(1)));
    }

    [Theory, MemberData(nameof(Engines.Both), MemberType = typeof(Engines))]
    public void Once_is_once_through_restart_crash_and_snapshot(string engine)
    {
        using var shard = new Replica(_directory["a"], Engines.Named(engine));
        var first = shard.Apply(Stamped(5, new IncrementCommand(Space, Bytes("n"), 1)));
        shard.Reopen();
        AssertAnsweredAgain(shard, first);

        shard.Machine.SaveCheckpoint(_directory["checkpoint"]);
        using var learner = new Replica(_directory["b"], Engines.Named(engine));
        learner.Machine.InstallCheckpoint(_directory["checkpoint"]);
        learner.Next = learner.Machine.Applied.Index + 1;
        AssertAnsweredAgain(learner, first);

        using var survivor = new Replica(_directory.CopyAsAfterCrash(_directory["a"], "c"), Engines.Named(engine));
        AssertAnsweredAgain(survivor, first);
    }

    [Fact]
    public void An_unknown_outcome_can_be_asked_for()
    {
        using var shard = Open();
        shard.Apply(Stamped(3, Put("a", "1")));

        var known = shard.Machine.GetRequestResult(StampOf(3));
        Assert.Equal((RequestKnowledge.Remembered, 1L), (known.Knowledge, known.Outcome!.Version));
        Assert.Equal(new RequestFate(RequestKnowledge.NotSeen), shard.Machine.GetRequestResult(StampOf(4)));
        Assert.Equal(new RequestFate(RequestKnowledge.NotSeen), shard.Machine.GetRequestResult(StampOf(3, client: 2)));
    }

    [Fact]
    public void A_write_of_an_evicted_session_is_not_reported_as_unseen()
    {
        using var shard = Open();
        shard.Apply(Stamped(1, Put("a", "1")));
        shard.NowMs += 30 * Minute;
        shard.Apply(new TickCommand(100));
        shard.Apply(new TickCommand(100));

        Assert.Equal(RequestKnowledge.Forgotten, shard.Machine.GetRequestResult(StampOf(1)).Knowledge);
        Assert.Equal(RequestKnowledge.Forgotten, shard.Machine.GetRequestResult(StampOf(1, client: 2)).Knowledge);
        Assert.Equal(RequestKnowledge.NotSeen, shard.Machine.GetRequestResult(StampOf(1, client: 2, after: shard.Next - 1)).Knowledge);
    }

    [Fact]
    public void A_repeated_expiry_is_the_instant_of_the_first_application()
    {
        using var shard = Open();
        shard.Apply(Put("a", "1"));
        var touch = new TouchCommand(Space, Bytes("a"), Expiry.After(89_000));
        shard.Apply(Stamped(1, touch), Stamped(2, new IncrementCommand(Space, Bytes("n"), 1) { Expiry = Expiry.AfterByDefault(79_000) }));

        // The clock has moved, and the keyspace has another default.
        shard.NowMs += 5_000;
        var again = shard.Apply(
            Stamped(1, touch), Stamped(2, new IncrementCommand(Space, Bytes("n"), 1) { Expiry = Expiry.AfterByDefault(84_000) }));

        Assert.Equal([(true, 90_000L), (true, 80_000L)], again.Select(answer => (answer.Deduplicated, answer.ExpireAtMs)));
    }

    [Fact]
    public void Long_values_are_not_remembered_but_their_version_is()
    {
        using var shard = Open();
        var value = new string('x', ShardLimits.RememberedValueBytesMax + 1);
        shard.Apply(Put("a", value), Put("b", value[1..]));
        var outcomes = shard.Apply(
            Stamped(1, Put("a", "2") with { ReturnPrevious = true }), Stamped(1, Put("a", "2") with { ReturnPrevious = true }),
            Stamped(2, Put("b", "2") with { ReturnPrevious = true }), Stamped(2, Put("b", "2") with { ReturnPrevious = true }));

        Assert.NotNull(outcomes[0].Previous);
        Assert.Equal((null, true, 1L, 3L), (outcomes[1].Previous, outcomes[1].ValueForgotten, outcomes[1].PreviousVersion, outcomes[1].Version));
        Assert.Equal(ShardLimits.RememberedValueBytesMax, outcomes[3].Previous!.Value.Value.Length);
    }

    [Fact]
    public void Idle_sessions_are_purged_by_log_time_and_distinguished_from_new_ones()
    {
        using var shard = Open();
        shard.NowMs = 30 * Minute;
        shard.Apply(Stamped(1, Put("a", "1"), client: 1), Stamped(1, Put("b", "1"), client: 2));
        shard.NowMs = 35 * Minute;
        shard.Apply(Stamped(2, Put("b", "2"), client: 2));
        shard.NowMs = 41 * Minute;
        Assert.NotNull(shard.Machine.DueCommand(shard.NowMs));
        Assert.Null(shard.Machine.DueCommand(shard.NowMs - 1));

        Assert.Equal(2, shard.Apply(new TickCommand(100)).Affected);
        Assert.Equal(1, shard.Machine.Statistics.Sessions);
        Assert.Null(shard.Machine.DueCommand(shard.NowMs));

        // The retry of the discarded writer; a new writer that has seen nothing; one that has seen the log since; and the session that is still remembered.
        Assert.Equal(RefusalReason.RequestIdExpired, shard.Apply(Stamped(1, Put("a", "1"), client: 1)).Reason);
        Assert.Equal(RefusalReason.RequestIdExpired, shard.Apply(Stamped(1, Put("c", "1"), client: 3)).Reason);
        Assert.Equal(ShardStatus.Applied, shard.Apply(Stamped(1, Put("c", "1"), client: 3, after: shard.Next - 1)).Status);
        Assert.True(shard.Apply(Stamped(2, Put("b", "2"), client: 2)).Deduplicated);
    }

    [Fact]
    public void A_full_table_evicts_the_longest_idle_session_and_never_the_present_writer()
    {
        using var shard = Open(new SessionLimits { EntriesMax = 6 });
        for (var client = 1; client <= 4; client++)
        {
            shard.NowMs += Minute;
            shard.Apply(Stamped(1, Put($"k{client}", "1"), client));
        }

        Assert.Equal((3L, 3L), (shard.Machine.Statistics.Sessions, shard.Machine.Statistics.RememberedOutcomes));
        Assert.Equal(RefusalReason.RequestIdExpired, shard.Apply(Stamped(1, Put("k1", "1"), client: 1)).Reason);
        Assert.True(shard.Apply(Stamped(1, Put("k4", "1"), client: 4)).Deduplicated);
        for (var sequence = 2; sequence <= 9; sequence++)
        {
            Assert.False(shard.Apply(Stamped(sequence, Put("k4", "1"), client: 4)).Deduplicated);
        }

        Assert.Equal(1, shard.Machine.Statistics.Sessions);
    }

    [Fact]
    public void A_writer_is_admitted_after_the_clocks_were_wrong()
    {
        // The clocks of the leaders were two hours ahead for a quarter of an hour, and are right again.
        using var shard = Open();
        shard.NowMs = 120 * Minute;
        shard.Apply(Stamped(1, Put("a", "1"), client: 1));
        shard.NowMs += 15 * Minute;
        shard.Apply(new TickCommand(100));
        shard.NowMs = 15 * Minute;

        var refused = shard.Apply(Stamped(1, Put("b", "1"), client: 2));
        var seen = shard.Next - 1;
        Assert.Equal(RefusalReason.RequestIdExpired, refused.Reason);
        Assert.Equal(ShardStatus.Applied, shard.Apply(Stamped(1, Put("b", "1"), client: 2, after: seen)).Status);
        Assert.True(shard.Apply(Stamped(1, Put("b", "1"), client: 2, after: seen)).Deduplicated);
    }

    [Fact]
    public void A_session_evicted_by_a_clock_jump_continues_and_its_old_writes_are_not_repeated()
    {
        using var shard = Open();
        shard.NowMs = 60 * Minute;
        shard.Apply(Stamped(1, Put("a", "1")));
        var seen = shard.Next - 1;
        shard.NowMs += 30 * Minute;
        shard.Apply(new TickCommand(100));
        Assert.Equal(0, shard.Machine.Statistics.Sessions);

        // The index of its own last answer is enough: no other session was discarded since.
        Assert.Equal(RefusalReason.RequestIdExpired, shard.Apply(Stamped(1, Put("a", "1"), after: 0)).Reason);
        Assert.Equal(ShardStatus.Applied, shard.Apply(Stamped(2, Put("a", "2"), firstUnacked: 2, after: seen)).Status);
        Assert.Equal(RefusalReason.RequestIdExpired, shard.Apply(Stamped(1, Put("a", "1"), after: 0)).Reason);
        Assert.Equal("2", shard.Get("a"));
    }

    [Fact]
    public void An_index_that_the_log_has_not_reached_proves_nothing()
    {
        using var shard = Open();
        shard.Apply(Stamped(1, Put("a", "1")));
        shard.NowMs += 30 * Minute;
        shard.Apply(new TickCommand(100));

        Assert.Equal(RefusalReason.RequestIdExpired, shard.Apply(Stamped(1, Put("a", "2"), client: 2, after: shard.Next + 1_000)).Reason);
        Assert.Equal(RefusalReason.RequestIdExpired, shard.Apply(Stamped(1, Put("a", "2"), client: 2, after: shard.Next)).Reason);
        Assert.Equal("1", shard.Get("a"));
    }

    /// <summary>
    /// Writers begin and end, repeat writes at any later time, and the shard discards sessions at random: no write is ever applied twice, and a writer with
    /// the best possible
    /// proof is always accepted.
    /// </summary>
    [Fact]
    public void No_write_is_applied_twice_after_any_eviction() =>
        Gen.Select(Gen.Int[0, 8], Gen.Int[1, 4], Gen.Int[0, 20], Gen.Int[0, 2]).Array[1, 120].Sample(steps =>
        {
            using var shard = new Replica(_directory[Guid.NewGuid().ToString("N")], new InMemoryEngines(), new SessionLimits { EntriesMax = 5 });
            var sent = new List<ShardCommand>();
            var (sequences, seen, applied) = (new int[5], new long[5], 0);
            foreach (var (kind, client, minutes, back) in steps)
            {
                shard.NowMs += minutes * Minute;
                if (kind == 0)
                {
                    shard.Apply(new TickCommand(1 + back));
                    continue;
                }

                if (kind < 4 && sent.Count > 0)
                {
                    // A late copy of a write, as it was sent the first time.
                    var before = shard.Machine.Revision;
                    var repeated = shard.Apply(sent[(client * 31 + minutes) % sent.Count]);
                    Assert.True(repeated.Deduplicated || repeated.Reason == RefusalReason.RequestIdExpired, $"{repeated.Status}");
                    Assert.Equal(before, shard.Machine.Revision);
                    continue;
                }

                var write = Stamped(++sequences[client], new IncrementCommand(Space, Bytes("n"), 1), client, after: seen[client]);
                var outcome = shard.Apply(write);
                if (outcome.Reason == RefusalReason.RequestIdExpired)
                {
                    write = Stamped(sequences[client], new IncrementCommand(Space, Bytes("n"), 1), client, after: shard.Next - 1);
                    outcome = shard.Apply(write);
                }

                Assert.Equal(ShardStatus.Applied, outcome.Status);
                seen[client] = shard.Next - 1;
                sent.Add(write);
                applied++;
                Assert.Equal($"{applied}", shard.Get("n"));
            }
        }, iter: 300);

    [Fact]
    public void A_full_table_is_emptied_a_few_rows_with_each_write()
    {
        using var shard = Open(new SessionLimits { EntriesMax = 1_000 });
        for (var client = 1; client <= 1_000; client++)
        {
            shard.Apply(Stamped(1, Put("a", "1"), client, after: shard.Next - 1));
        }

        var statistics = shard.Machine.Statistics;
        Assert.Equal((500L, 500L), (statistics.Sessions, statistics.RememberedOutcomes));

        // The 500 that wrote last are remembered; each of the others was evicted by one write.
        Assert.True(shard.Apply(Stamped(1, Put("a", "1"), client: 501)).Deduplicated);
        Assert.Equal(RefusalReason.RequestIdExpired, shard.Apply(Stamped(1, Put("a", "1"), client: 500)).Reason);
    }

    [Fact]
    public void A_session_with_many_outcomes_is_evicted_over_several_writes()
    {
        using var shard = Open(new SessionLimits { EntriesMax = 60 });
        for (var sequence = 1; sequence <= 50; sequence++)
        {
            shard.Apply(Stamped(sequence, Put("a", "1")));
        }

        var most = 0L;
        for (var client = 2; client <= 30; client++)
        {
            var before = shard.Machine.Statistics;
            shard.Apply(Stamped(1, Put("b", "1"), client, after: shard.Next - 1));
            var after = shard.Machine.Statistics;
            most = Math.Max(most, before.Sessions + before.RememberedOutcomes + 2 - after.Sessions - after.RememberedOutcomes);
        }

        Assert.InRange(most, 1, SessionLimits.EvictedRowsPerWriteMax + 1);
        Assert.Equal(RefusalReason.RequestIdExpired, shard.Apply(Stamped(1, Put("a", "1"))).Reason);
        shard.Reopen();
        Assert.Equal(RefusalReason.RequestIdExpired, shard.Apply(Stamped(1, Put("a", "1"))).Reason);
    }

    [Fact]
    public void Replicas_evict_the_same_sessions_for_any_read_ahead()
    {
        var limits = new SessionLimits { EntriesMax = 40 };
        using var steady = new Replica(_directory["steady"], new InMemoryEngines(), limits);
        using var restarted = new Replica(_directory["restarted"], new InMemoryEngines(), limits);
        var random = new Random(17);
        for (var i = 0; i < 600; i++)
        {
            var nowMs = (i * 7_000L) + 1;
            var client = random.Next(1, 60);
            ShardCommand[] commands =
            [
                Stamped(i + 1, Put($"k{i % 9}", "1"), client, firstUnacked: Math.Max(1, i - 20), after: i),
                random.Next(9) == 0 ? new TickCommand(3) : Stamped(i + 1, Put("b", "2"), client + 100, after: i),
            ];
            (steady.NowMs, restarted.NowMs) = (nowMs, nowMs);
            Assert.Equal(steady.Apply(commands).Select(Text), restarted.Apply(commands).Select(Text));
            if (random.Next(5) == 0)
            {
                restarted.Reopen();
            }
        }

        Assert.Equal(steady.Machine.Digest(), restarted.Machine.Digest());

        static string Text(ShardOutcome outcome) => $"{outcome.Status} {outcome.Reason} {outcome.Version} {outcome.Deduplicated} {outcome.Affected}";
    }

    [Fact]
    public void A_session_that_acknowledges_nothing_loses_its_oldest_outcomes()
    {
        using var shard = Open(new SessionLimits { OutcomesPerSessionMax = 3 });
        for (var sequence = 1; sequence <= 5; sequence++)
        {
            shard.Apply(Stamped(sequence, Put($"k{sequence}", "1")));
        }

        Assert.Equal(3, shard.Machine.Statistics.RememberedOutcomes);
        Assert.Equal(RefusalReason.RequestIdExpired, shard.Apply(Stamped(2, Put("k2", "1"))).Reason);
        Assert.True(shard.Apply(Stamped(3, Put("k3", "1"))).Deduplicated);
        shard.Reopen();
        Assert.Equal(RefusalReason.RequestIdExpired, shard.Apply(Stamped(2, Put("k2", "1"))).Reason);
        Assert.True(shard.Apply(Stamped(5, Put("k5", "1"))).Deduplicated);
    }

    [Fact]
    public void Counters_return_to_zero_when_all_sessions_are_evicted()
    {
        using var shard = Open();
        for (var client = 1; client <= 150; client++)
        {
            shard.Apply(Stamped(1, Put("a", "1"), client), Stamped(2, Put("a", "2"), client));
        }

        Assert.Equal((150L, 300L), (shard.Machine.Statistics.Sessions, shard.Machine.Statistics.RememberedOutcomes));
        shard.NowMs = 60 * Minute;
        var ticks = 0;
        for (; shard.Machine.DueCommand(shard.NowMs) is not null; ticks++)
        {
            shard.Apply(new TickCommand(40));
        }

        // 450 rows at 40 or a few more a tick, and perhaps one that finds nothing left.
        Assert.InRange(ticks, 10, 13);
        var statistics = shard.Machine.Statistics;
        Assert.Equal((0L, 0L, 0L), (statistics.Sessions, statistics.RememberedOutcomes, statistics.SessionBytes));
    }

    private static void AssertAnsweredAgain(Replica shard, ShardOutcome first)
    {
        var again = shard.Apply(Stamped(5, new IncrementCommand(Space, Bytes("n"), 1)));
        Assert.True(again.Deduplicated);
        Assert.Equal((first.Version, first.Counter), (again.Version, again.Counter));
        Assert.Equal("1", shard.Get("n"));
    }

    private static ShardCommand Stamped(int sequence, ShardCommand command, int client = 1, int firstUnacked = 1, long after = 0) =>
        command with { Stamp = StampOf(sequence, client, firstUnacked, after) };

    private static RequestStamp StampOf(int sequence, int client = 1, int firstUnacked = 1, long after = 0) =>
        new(Client(client), (ulong)sequence, (ulong)firstUnacked, after);

    private Replica Open(SessionLimits? limits = null) => new(_directory["shard"], new InMemoryEngines(), limits);
}
