using CsCheck;
using KvRaft.Placement.Codecs;
using KvRaft.Placement.Machine;
using KvRaft.Placement.State;
using KvRaft.Placement.Store;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Placement.Tests.Machine;

public sealed class PlacementStateMachineTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_new_state_machine_is_empty_at_position_zero()
    {
        using var machine = Open();
        Assert.Same(PlacementState.Empty, machine.State);
        Assert.Equal(LogPosition.None, machine.Applied);
        Assert.Equal(LogPosition.None, machine.Durable);
        Assert.Null(machine.DueCommand(long.MaxValue));
    }

    [Fact]
    public void Answers_one_outcome_for_each_command_in_order()
    {
        using var machine = Open();
        var outcomes = machine.Apply(
        [
            SomeCommands.Entry(1),
            SomeCommands.Entry(2, SomeCommands.Init, new CreateKeyspace("carts")),
            SomeCommands.Entry(3, new DropKeyspace("orders")),
        ]);
        Assert.Equal([0, 2, 1], outcomes.Select(answers => answers.Count));
        Assert.IsType<ClusterInitialized>(outcomes[1][0]);
        Assert.Equal(new KeyspaceId(2), Assert.IsType<KeyspaceCreated>(outcomes[1][1]).Keyspace.Id);
        Assert.Equal(PlacementRefusal.KeyspaceNotFound, Assert.IsType<PlacementRefused>(outcomes[2][0]).Reason);
        Assert.Equal(new LogPosition(1, 3), machine.Applied);
    }

    [Fact]
    public void Refuses_a_gap_in_the_log()
    {
        using var machine = Open();
        Assert.Throws<InvariantException>(() => machine.Apply([SomeCommands.Entry(2, SomeCommands.Init)]));
        Assert.Same(PlacementState.Empty, machine.State);
    }

    [Fact]
    public void An_entry_it_cannot_read_stops_it_and_shows_nothing_of_the_batch()
    {
        using var machine = Open();
        var unreadable = new CommittedEntry(new LogPosition(1, 2), 0, [new byte[] { 9, 9 }]);
        Assert.Throws<PlacementFormatException>(() => machine.Apply([SomeCommands.Entry(1, SomeCommands.Init), unreadable]));
        Assert.Same(PlacementState.Empty, machine.State);
        Assert.Equal(LogPosition.None, machine.Applied);
    }

    [Fact]
    public void Flushed_state_survives_reopening_and_the_rest_comes_from_the_log()
    {
        PlacementState flushed;
        using (var machine = Open())
        {
            machine.Apply([SomeCommands.Entry(1, SomeCommands.Init)]);
            machine.Flush();
            flushed = machine.State;
            machine.Apply([SomeCommands.Entry(2, new CreateKeyspace("carts"))]);
            Assert.Equal(new LogPosition(1, 1), machine.Durable);
        }

        using var reopened = Open();
        Assert.Equal(flushed, reopened.State);
        Assert.Equal(new LogPosition(1, 1), reopened.Applied);
        Assert.Equal(new LogPosition(1, 1), reopened.Durable);
        reopened.Apply([SomeCommands.Entry(2, new CreateKeyspace("carts"))]);
        Assert.NotNull(reopened.State.FindKeyspace("carts"));
    }

    [Fact]
    public void An_entry_that_changes_nothing_still_moves_the_position_on_disk()
    {
        using (var machine = Open())
        {
            machine.Apply([SomeCommands.Entry(1)]);
            machine.Flush();
        }

        using var reopened = Open();
        Assert.Equal(new LogPosition(1, 1), reopened.Applied);
    }

    [Fact]
    public void A_damaged_file_is_refused_and_not_treated_as_empty()
    {
        using (var machine = Open())
        {
            machine.Apply([SomeCommands.Entry(1, SomeCommands.Init)]);
            machine.Flush();
        }

        var file = _directory[Path.Combine("state", PlacementStore.FileName)];
        var bytes = File.ReadAllBytes(file);
        bytes[40] ^= 1;
        File.WriteAllBytes(file, bytes);
        Assert.Throws<StorageCorruptionException>(() => Open());
    }

    [Fact]
    public void A_checkpoint_carries_the_state_to_another_replica()
    {
        using var source = Open("source");
        using var target = Open("target");
        source.Apply([SomeCommands.Entry(1, SomeCommands.Init), SomeCommands.Entry(2, new CreateKeyspace("carts"))]);
        Assert.Equal(new LogPosition(1, 2), source.SaveCheckpoint(_directory["checkpoint"]));
        target.InstallCheckpoint(_directory["checkpoint"]);

        Assert.False(Directory.Exists(_directory["checkpoint"]));
        Assert.Equal(source.State, target.State);
        Assert.Equal(source.Digest(), target.Digest());
        Assert.Equal(new LogPosition(1, 2), target.Applied);
        Assert.Equal(new LogPosition(1, 2), target.Durable);
        target.Dispose();
        using var reopened = Open("target");
        Assert.Equal(source.State, reopened.State);
    }

    [Fact]
    public void A_checkpoint_goes_into_a_new_flat_directory_only()
    {
        using var machine = Open();
        Directory.CreateDirectory(_directory["taken"]);
        Assert.Throws<IOException>(() => machine.SaveCheckpoint(_directory["taken"]));
        machine.SaveCheckpoint(_directory["fresh"]);
        Assert.Equal([_directory[Path.Combine("fresh", PlacementStore.FileName)]], Directory.GetFileSystemEntries(_directory["fresh"]));
    }

    [Fact]
    public void Refuses_a_checkpoint_that_is_older_incomplete_or_damaged()
    {
        using var machine = Open();
        machine.SaveCheckpoint(_directory["older"]);
        machine.Apply([SomeCommands.Entry(1, SomeCommands.Init)]);
        machine.SaveCheckpoint(_directory["damaged"]);
        File.AppendAllText(_directory[Path.Combine("damaged", PlacementStore.FileName)], "x");
        Directory.CreateDirectory(_directory["incomplete"]);

        Assert.Throws<ArgumentException>(() => machine.InstallCheckpoint(_directory["older"]));
        Assert.Throws<InvalidDataException>(() => machine.InstallCheckpoint(_directory["damaged"]));
        Assert.Throws<InvalidDataException>(() => machine.InstallCheckpoint(_directory["incomplete"]));
        Assert.Equal(SomeCommands.Founded(), machine.State);
        Assert.Equal(LogPosition.None, machine.Durable);
    }

    [Fact]
    public void Two_replicas_agree_however_the_log_is_cut_into_batches() =>
        Gen.Select(SomeCommands.Encodable.Array[1, 20], Gen.Int[1, 6], Gen.Int[1, 20]).Sample(
            (commands, batch, restartAt) =>
            {
                using var directory = new TemporaryDirectory();
                using var one = PlacementStateMachine.Open(directory["one"]);
                var entries = commands.Select((command, i) => SomeCommands.Entry(i + 1, command)).ToArray();
                var expected = entries.SelectMany(entry => one.Apply([entry])[0]).Select(outcome => outcome.ToString()).ToArray();

                var other = PlacementStateMachine.Open(directory["other"]);
                var answers = new List<string?>();
                foreach (var chunk in entries.Chunk(batch))
                {
                    answers.AddRange(other.Apply(chunk).SelectMany(outcomes => outcomes).Select(outcome => outcome.ToString()));
                    if (other.Applied.Index >= restartAt)
                    {
                        other.Flush();
                        other.Dispose();
                        other = PlacementStateMachine.Open(directory["other"]);
                    }
                }

                Assert.Equal(expected, answers);
                Assert.Equal(one.State, other.State);
                Assert.Equal(one.Digest(), other.Digest());
                other.Dispose();
            },
            iter: 50);

    [Fact]
    public void Raises_each_change_once_and_in_order()
    {
        using var machine = Open();
        var told = new List<long>();
        machine.Changed += state => told.Add(state.Epoch.Value);
        machine.Apply([SomeCommands.Entry(1)]);
        machine.Apply([SomeCommands.Entry(2, SomeCommands.Init)]);
        machine.Apply([SomeCommands.Entry(3, SomeCommands.Init, new DropKeyspace("nobody"))]);
        machine.Apply([SomeCommands.Entry(4, new CreateKeyspace("carts")), SomeCommands.Entry(5, new CreateKeyspace("orders"))]);
        Assert.Equal([1, 3], told);
    }

    [Fact]
    public async Task A_wait_ends_when_its_condition_comes_true()
    {
        using var machine = Open();
        var founded = machine.WaitForAsync(state => state.IsInitialized);
        var carts = machine.WaitForAsync(state => state.FindKeyspace("carts") is not null);
        Assert.False(founded.IsCompleted);
        machine.Apply([SomeCommands.Entry(1, SomeCommands.Init)]);
        Assert.Equal(new Epoch(1), (await founded).Epoch);
        Assert.False(carts.IsCompleted);
        machine.Apply([SomeCommands.Entry(2, new CreateKeyspace("carts"))]);
        Assert.Equal(new Epoch(2), (await carts).Epoch);
        Assert.Same(machine.State, await machine.WaitForAsync(state => state.IsInitialized));
    }

    /// <summary>
    /// A node received a new keyspace and then refused a request for it: its routing view, which follows the changes, was one change behind the
    /// state.
    /// </summary>
    [Fact]
    public async Task A_wait_ends_after_all_handlers_of_the_change_have_run()
    {
        using var machine = Open();
        Task<PlacementState>? during = null;
        machine.Changed += _ =>
        {
            during = machine.WaitForAsync(state => state.IsInitialized);
            Assert.False(during.IsCompleted);
        };
        machine.Apply([SomeCommands.Entry(1, SomeCommands.Init)]);
        Assert.NotNull(during);
        Assert.Same(machine.State, await during);
    }

    [Fact]
    public async Task No_wait_misses_a_change()
    {
        using var machine = Open();
        machine.Apply([SomeCommands.Entry(1, SomeCommands.Init)]);
        var waits = Enumerable.Range(2, 50).Select(epoch => Task.Run(() => machine.WaitForAsync(state => state.Epoch.Value >= epoch))).ToArray();
        for (var i = 2; i <= 51; i++)
        {
            machine.Apply([SomeCommands.Entry(i, new CreateKeyspace($"k{i}"))]);
        }

        Assert.All(await Task.WhenAll(waits), state => Assert.True(state.Epoch.Value >= 2));
    }

    [Fact]
    public async Task A_wait_ends_with_its_cancellation_and_with_the_state_machine()
    {
        var machine = Open();
        using var cancellation = new CancellationTokenSource();
        var cancelled = machine.WaitForAsync(_ => false, cancellation.Token);
        var abandoned = machine.WaitForAsync(_ => false);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        machine.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => abandoned);
        Assert.Throws<ObjectDisposedException>(() => machine.Apply([]));
    }

    [Fact]
    public void Equal_states_have_equal_digests_and_different_ones_do_not()
    {
        using var one = Open("one");
        using var other = Open("other");
        one.Apply([SomeCommands.Entry(1, SomeCommands.Init)]);
        other.Apply([SomeCommands.Entry(1), SomeCommands.Entry(2, SomeCommands.Init)]);
        Assert.Equal(one.Digest(), other.Digest());
        other.Apply([SomeCommands.Entry(3, new CreateKeyspace("carts"))]);
        Assert.NotEqual(one.Digest(), other.Digest());
    }

    private PlacementStateMachine Open(string name = "state") => PlacementStateMachine.Open(_directory[name]);
}
