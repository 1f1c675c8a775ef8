using System.Text;
using CsCheck;
using KvRaft.Storage.Commands;
using KvRaft.Storage.Engine;
using KvRaft.Storage.Schema;
using KvRaft.Storage.Shards;

namespace KvRaft.Storage.Tests.Shards;

/// <summary>Random logs, applied to the real state machine and to <see cref="ShardModel"/>, in different pieces and on different engines.</summary>
public sealed class ShardModelTests : IDisposable
{
    private static readonly KeyspaceId[] Keyspaces = [new(7), new(8)];

    private readonly TemporaryDirectory _directory = new();
    private int _runs;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Answers_and_states_are_the_models() =>
        CommandGen.Log.Sample(
            log =>
            {
                var model = new ShardModel();
                using var machine = Open(new InMemoryEngines());
                var entries = CommandGen.Entries(log);
                for (var i = 0; i < log.Length; i++)
                {
                    var expected = model.Apply(log[i].NowMs, log[i].Commands);
                    var actual = machine.Apply([entries[i]]).Single().Zip(log[i].Commands, Describe);
                    Assert.Equal(expected, actual);
                    Assert.Equal(model.Visible, Visible(machine));
                    Assert.Equal((model.Clock, model.Revision), (machine.Clock, machine.Revision));
                }
            },
            iter: 150,
            threads: 1);

    [Fact]
    public void How_entries_are_grouped_into_applies_does_not_matter() =>
        Gen.Select(CommandGen.Log, Gen.Int[1, 30]).Sample(
            (log, size) =>
            {
                using var single = Open(new InMemoryEngines());
                using var batched = Open(new InMemoryEngines());
                var entries = CommandGen.Entries(log);
                var one = entries.SelectMany(entry => single.Apply([entry])).ToList();
                var many = entries.Chunk(size).SelectMany(batched.Apply).ToList();

                Assert.Equal(Flatten(one, log), Flatten(many, log));
                Assert.Equal(single.Digest(), batched.Digest());
                Assert.Equal(single.Statistics with { DiskBytes = 0 }, batched.Statistics with { DiskBytes = 0 });
            },
            iter: 60,
            threads: 1);

    [Fact]
    public void Without_waiting_callers_the_state_is_the_same_and_answers_have_no_values() =>
        CommandGen.Log.Sample(
            log =>
            {
                using var leader = Open(new InMemoryEngines());
                using var follower = Open(new InMemoryEngines());
                var entries = CommandGen.Entries(log);
                leader.Apply(entries);
                var outcomes = follower.Apply([.. entries.Select(entry => entry with { AnswersWanted = false })]).SelectMany(entry => entry).Cast<ShardOutcome>();

                Assert.Equal(leader.Digest(), follower.Digest());
                Assert.All(outcomes, outcome =>
                {
                    Assert.Null(outcome.Previous);
                    Assert.DoesNotContain(outcome.Results, result => result.Value is not null);
                });
            },
            iter: 150,
            threads: 1);

    [Fact]
    public void Both_engines_hold_the_same_state_also_after_crashes() =>
        Gen.Select(CommandGen.Log, Gen.Int[1, 30], Gen.Int[0, 30]).Sample(
            (log, size, flushAt) =>
            {
                using var memory = Open(new InMemoryEngines());
                var path = _directory[$"crashing{Interlocked.Increment(ref _runs)}"];
                var entries = CommandGen.Entries(log);
                memory.Apply(entries);
                using (var rocks = ShardStateMachine.Open(path, Engines.Shared, ShardSettings.Default))
                {
                    foreach (var chunk in entries.Chunk(size))
                    {
                        rocks.Apply(chunk);
                        if (chunk[0].Position.Index <= flushAt)
                        {
                            rocks.Flush();
                            Assert.Equal(rocks.Applied, rocks.Durable);
                        }
                    }

                    Assert.Equal(memory.Digest(), rocks.Digest());
                    using var survivor = ShardStateMachine.Open(
                        _directory.CopyAsAfterCrash(path, Path.GetFileName(path) + "-crashed"), Engines.Shared, ShardSettings.Default);
                    Assert.Equal(rocks.Durable, survivor.Applied);
                    survivor.Apply(entries);
                    Assert.Equal(memory.Digest(), survivor.Digest());
                }
            },
            iter: 12,
            threads: 1);

    private static string Describe(Outcome outcome, ShardCommand command)
    {
        var answer = (ShardOutcome)outcome;
        var again = answer.Deduplicated ? "again " : "";
        return again + answer.Status switch
        {
            ShardStatus.Refused => $"Refused {answer.Reason}",
            ShardStatus.ConditionFailed => $"ConditionFailed {answer.Version}",
            _ => $"Applied {answer.Version}" + command switch
            {
                IncrementCommand => $" over {answer.PreviousVersion} !{answer.ExpireAtMs} #{answer.Counter}",
                TxnCommand txn => $" {answer.Succeeded}" + string.Concat(
                    answer.Results.Zip(answer.Succeeded ? txn.Then : txn.Else, (result, operation) => $" {result.PreviousVersion}" + operation switch
                    {
                        TxnGet => $"'{(answer.ValueForgotten && result.PreviousVersion != 0 ? new string('y', 1_100) : Text(result.Value?.Value))}'",
                        TxnIncrement => $"#{result.Counter}",
                        _ => "",
                    })),
                DeleteRangeCommand => $" -{answer.Affected} {(answer.ResumeKey is { } key ? Text(key) : "done")}",
                DropKeyspaceCommand or TickCommand => "",
                _ => $" over {answer.PreviousVersion} !{answer.ExpireAtMs}",
            },
        };
    }

    private static List<string> Flatten(IEnumerable<IReadOnlyList<Outcome>> outcomes, (long NowMs, ShardCommand[] Commands)[] log) =>
        [.. outcomes.Zip(log, (entry, logged) => string.Join(';', entry.Zip(logged.Commands, Describe)))];

    private static string[] Visible(ShardStateMachine machine) =>
    [
        .. Keyspaces.SelectMany(keyspace => machine.Scan(new(keyspace, default, default)).Items
            .Select(item => $"{keyspace}/{Text(item.Key)}={Text(item.Value.Value)}@{item.Value.Version}!{item.Value.ExpireAtMs}")),
    ];

    private static string Text(ReadOnlyMemory<byte>? bytes) => Encoding.UTF8.GetString(bytes.GetValueOrDefault().Span);

    private ShardStateMachine Open(IEngineFactory engines) =>
        ShardStateMachine.Open(_directory[$"shard{Interlocked.Increment(ref _runs)}"], engines, ShardSettings.Default);
}
