using KvRaft.Integration.Tests.Processes;
using KvRaft.Integration.Tests.SystemCalls;

namespace KvRaft.Integration.Tests;

/// <summary>
/// After a failed fdatasync the kernel may have discarded the pages, and the next one succeeds without them (Rebello et al., "Can
/// Applications Recover from fsync Failures?", 2020). A log whose sync failed must never be synced again: its node ends.
/// </summary>
public sealed class FailedSyncTests
{
    private const int Shards = 1;

    private const int GroupOfShardZero = 1;

    /// <summary>EX_IOERR: its own code, and not 134 of a process that died by SIGABRT while it closed its files.</summary>
    private const int ExitCodeOfDiskFailure = 74;

    /// <summary>Linux keeps 15 bytes of a thread's name.</summary>
    private const string WriterOfTheLog = "kvraft-log-writ";

    [Fact]
    public async Task A_leader_whose_sync_fails_ends_with_its_error_and_nothing_is_lost()
    {
        Assert.SkipUnless(Strace.IsInstalled, "strace is not installed (apt-get install strace).");
        var trace = Path.GetTempFileName();
        await using var cluster = await ProcessCluster.StartAsync(Shards);
        var leader = await cluster.LeaderAsync(GroupOfShardZero, cluster.Nodes);
        var writer = Directory.GetDirectories($"/proc/{cluster.ProcessId(leader)}/task")
            .Single(thread => File.ReadAllText(Path.Combine(thread, "comm")).Trim() == WriterOfTheLog);
        await using var writers = new Writers(cluster.Client(), 8);
        await writers.ReachedAsync(200);

        var ended = cluster.WhenEndedByItselfAsync(leader);
        await using (await Strace.FailSyncsAsync(cluster.ProcessId(leader), trace))
        {
            var (exitCode, log) = await ended;
            Assert.Equal(ExitCodeOfDiskFailure, exitCode);
            Assert.Contains("the node cannot go on", log, StringComparison.Ordinal);
            Assert.Contains("fdatasync of", log, StringComparison.Ordinal);
            Assert.DoesNotContain("Unhandled exception", log, StringComparison.Ordinal);
            Assert.DoesNotContain("did not stop cleanly", log, StringComparison.Ordinal);
        }

        // The engines' syncs fail too and the engines may repeat them: data that they have not synced is replayed from the log.
        var prefix = Path.GetFileName(writer) + " ";
        var syncs = File.ReadLines(trace).Where(line => line.StartsWith(prefix, StringComparison.Ordinal) && line.Contains("sync(", StringComparison.Ordinal)).ToArray();
        Assert.Contains("EIO", Assert.Single(syncs), StringComparison.Ordinal);

        await writers.ReachedAsync(writers.Acknowledged.Count + 200);
        await writers.StopAsync();
        cluster.Start(leader);
        await cluster.AllLedAsync(Shards);
        foreach (var node in cluster.Nodes)
        {
            await using var through = cluster.Client(node);
            Assert.Empty(await writers.LostAsync(through));
        }

        File.Delete(trace);
    }
}
