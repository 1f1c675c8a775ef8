using KvRaft.Chaos.Machine;

namespace KvRaft.Harness.Tests.Machine;

public class LedgerTests
{
    [Fact]
    public void The_last_created_resource_is_removed_first() =>
        Assert.Equal(["mount /a b", "netns one"], Ledger.Remaining(["+ netns one", "+ mount /a b"]).Select(thing => thing.ToString()));

    [Fact]
    public void A_removed_resource_is_not_removed_again() =>
        Assert.Equal(["netns two"], Ledger.Remaining(["+ netns one", "+ netns two", "- netns one"]).Select(thing => thing.ToString()));

    [Fact]
    public void A_resource_that_is_created_again_is_owned_again() =>
        Assert.Equal(["mount /v"], Ledger.Remaining(["+ mount /v", "- mount /v", "+ mount /v"]).Select(thing => thing.ToString()));

    [Fact]
    public void A_resource_that_was_created_twice_is_removed_once() =>
        Assert.Equal(["container n1", "netns one"], Ledger.Remaining(["+ container n1", "+ netns one", "+ container n1"]).Select(thing => thing.ToString()));

    [Fact]
    public void A_torn_last_line_names_no_resource() =>
        Assert.Equal(["pid 1 2"], Ledger.Remaining(["+ pid 1 2", "+ net"]).Select(thing => thing.ToString()));

    [Fact]
    public async Task A_foreign_process_with_a_recorded_pid_is_not_ended()
    {
        var path = Path.GetTempFileName();
        try
        {
            // Our own pid with another start time: that process ended long ago.
            await File.WriteAllTextAsync(path, $"+ pid {Environment.ProcessId} 1\n", TestContext.Current.CancellationToken);
            Assert.Empty(await new Ledger(path).SweepAsync());
            Assert.Empty(Ledger.Remaining(await File.ReadAllLinesAsync(path, TestContext.Current.CancellationToken)));
        }
        finally
        {
            File.Delete(path);
        }
    }
}
