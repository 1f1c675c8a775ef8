using KvRaft.Placement.Codecs;
using KvRaft.Placement.Machine;
using KvRaft.Placement.State;
using KvRaft.Placement.Store;

namespace KvRaft.Placement.Tests.Store;

public sealed class PlacementStoreTests : IDisposable
{
    private static readonly byte[] Old = PlacementStateCodec.EncodeFile(PlacementState.Empty, new(1, 1));
    private static readonly byte[] New = PlacementStateCodec.EncodeFile(SomeCommands.Founded(), new(1, 2));

    private readonly TemporaryDirectory _directory = new();

    public static TheoryData<string> Steps => [.. Enum.GetNames<PlacementStore.Step>()];

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Nothing_written_reads_as_nothing() => Assert.Null(new PlacementStore(_directory["a"]).Read());

    [Theory]
    [MemberData(nameof(Steps))]
    public void A_crash_in_a_write_leaves_the_old_content_or_the_new(string step)
    {
        new PlacementStore(_directory.Path).Write(Old);
        Assert.Throws<CrashException>(() => CrashingAt(step).Write(New));

        var survivor = new PlacementStore(_directory.Path);
        Assert.Equal(Enum.Parse<PlacementStore.Step>(step) >= PlacementStore.Step.Renamed ? New : Old, survivor.Read());
        Assert.Equal([survivor.FilePath], Directory.GetFiles(_directory.Path));
        survivor.Write(New);
        Assert.Equal(New, survivor.Read());
    }

    [Theory]
    [MemberData(nameof(Steps))]
    public void A_crash_in_the_first_write_leaves_nothing_or_all(string step)
    {
        Assert.Throws<CrashException>(() => CrashingAt(step).Write(New));
        var content = new PlacementStore(_directory.Path).Read();
        Assert.Equal(Enum.Parse<PlacementStore.Step>(step) >= PlacementStore.Step.Renamed ? New : null, content);
    }

    // A power failure may leave any part of a file that was not fsynced; only the temporary file is ever in that state.
    [Fact]
    public void A_half_written_temporary_file_is_never_read()
    {
        new PlacementStore(_directory.Path).Write(Old);
        for (var length = 0; length <= New.Length; length += 13)
        {
            File.WriteAllBytes(_directory[PlacementStore.FileName + ".tmp"], New.AsSpan(0, length));
            Assert.Equal(Old, new PlacementStore(_directory.Path).Read());
        }
    }

    [Theory]
    [InlineData(nameof(PlacementStore.Step.Synced), false)]
    [InlineData(nameof(PlacementStore.Step.Renamed), true)]
    [InlineData(nameof(PlacementStore.Step.DirectorySynced), true)]
    public void A_crash_in_an_install_leaves_the_old_state_or_the_new(string step, bool installed)
    {
        var state = _directory["state"];
        new PlacementStore(state).Write(Old);
        PlacementStore.WriteCheckpoint(_directory["checkpoint"], New);
        var crashing = new PlacementStore(state) { Reached = At(step) };
        using (var machine = PlacementStateMachine.Open(crashing))
        {
            Assert.Throws<CrashException>(() => machine.InstallCheckpoint(_directory["checkpoint"]));
        }

        using var reopened = PlacementStateMachine.Open(state);
        Assert.Equal(installed, reopened.State.IsInitialized);
        Assert.Equal(installed ? 2 : 1, reopened.Durable.Index);
    }

    /// <summary>.NET reports a directory in the place of a file as refused access. The exception reached no handler of the node's loops.</summary>
    [Fact]
    public void A_write_that_the_system_refuses_is_an_error_of_the_file_system_and_can_be_repeated()
    {
        var store = new PlacementStore(_directory.Path);
        store.Write(Old);
        Directory.CreateDirectory(store.FilePath + ".tmp");

        Assert.IsType<UnauthorizedAccessException>(Assert.Throws<IOException>(() => store.Write(New)).InnerException);
        Assert.Equal(Old, store.Read());

        Directory.Delete(store.FilePath + ".tmp");
        store.Write(New);
        Assert.Equal(New, store.Read());
    }

    [Fact]
    public void A_failed_flush_does_not_claim_to_be_durable()
    {
        using var machine = PlacementStateMachine.Open(CrashingAt(nameof(PlacementStore.Step.Synced)));
        machine.Apply([SomeCommands.Entry(1, SomeCommands.Init)]);
        Assert.Throws<CrashException>(machine.Flush);
        Assert.Equal(0, machine.Durable.Index);
    }

    private static Action<PlacementStore.Step> At(string step) => reached =>
    {
        if (reached == Enum.Parse<PlacementStore.Step>(step))
        {
            throw new CrashException();
        }
    };

    private PlacementStore CrashingAt(string step) => new(_directory.Path) { Reached = At(step) };

    private sealed class CrashException : Exception;
}
