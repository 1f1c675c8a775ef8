using System.Diagnostics;
using System.Globalization;
using KvRaft.Benchmarks.Clusters;
using KvRaft.Raft.Log;
using KvRaft.Topology;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvRaft.Benchmarks.Micro;

/// <param name="key">The number of the key.</param>
/// <param name="sequence">The number of the write; the writer waits for no earlier write.</param>
internal static class LogBenchmarks
{
    private const int PayloadBytes = 128;
    private const int RecoveryPayloadBytes = 1024;
    private const long Term = 1;

    /// <summary>Appends of one appender per round: a round of the slowest kind takes about a quarter of a second.</summary>
    private const int AppendsPerRound = 200;

    private static readonly LogIdentity Identity = new(new Guid("6f1d3b50-25a1-4f0c-9d3a-0e5b9a5f7c01"), new NodeId("bench"));

    /// <summary>
    /// Each appender appends one entry to a group of its own and waits until it is durable. The number of records that share a sync is random; the
    /// note contains the ratio.
    /// </summary>
    public static async Task<MicroResult> AppendAsync(ClusterDirectory directory, Rounds rounds, int appenders)
    {
        await using var log = Open(directory.Of($"append-{appenders}"));
        var groups = Enumerable.Range(1, appenders).Select(number => log.OpenGroup(new ReplicaKey(new GroupId(number), 1))).ToArray();
        var payload = new byte[PayloadBytes];
        new Random(appenders).NextBytes(payload);
        var before = log.Statistics;
        return await rounds.MeasureAsync(
            $"log: append and sync, {appenders} at once",
            AppendsPerRound * appenders,
            async () => await Task.WhenAll(groups.Select(group => Task.Run(() => AppendAsync(group, payload)))),
            () =>
            {
                var after = log.Statistics;
                var perSync = (double)(after.Records - before.Records) / (after.Syncs - before.Syncs);
                return string.Create(CultureInfo.InvariantCulture, $"{perSync:0.0} records/sync");
            });
    }

    /// <summary>A start that reads the log from the page cache: measures the check and the index of records, not the disk.</summary>
    public static async Task<MicroResult> RecoverAsync(ClusterDirectory directory, Rounds rounds, int entries)
    {
        var path = directory.Of("recovery");
        long bytes;
        await using (var log = Open(path))
        {
            var group = log.OpenGroup(new ReplicaKey(new GroupId(1), 1));
            var payload = new byte[RecoveryPayloadBytes];
            new Random(entries).NextBytes(payload);
            for (var i = 0; i < entries; i++)
            {
                group.Append(Term, LogEntryKind.Command, payload);
            }

            await group.WhenDurableAsync();
            bytes = log.Statistics.Bytes;
        }

        var result = await rounds.MeasureAsync("log: recovery, per entry", entries, async () =>
        {
            await using var log = Open(path);
            if (log.OpenGroup(new ReplicaKey(new GroupId(1), 1)).LastIndex != entries)
            {
                throw new InvalidOperationException("The log did not come back whole.");
            }
        });
        var rate = bytes / (result.MedianMicros * entries);
        return result with { Note = string.Create(CultureInfo.InvariantCulture, $"{rate:0} MB/s") };
    }

    private static async Task AppendAsync(GroupLog group, byte[] payload)
    {
        for (var i = 0; i < AppendsPerRound; i++)
        {
            group.Append(Term, LogEntryKind.Command, payload);
            await group.WhenDurableAsync();
        }
    }

    private static NodeLog Open(string directory) =>
        NodeLog.Open(OsFileSystem.Instance, directory, Identity, new NodeLogOptions(), NullLogger.Instance);
}
