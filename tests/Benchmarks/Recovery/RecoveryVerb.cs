using System.CommandLine;
using KvRaft.Benchmarks.Cells;
using KvRaft.Benchmarks.Clusters;
using KvRaft.Benchmarks.Stores;

namespace KvRaft.Benchmarks.Recovery;

/// <summary>
/// <c>recovery</c>: the time of a node's return with its own log, with the leader's log, and with a checkpoint; and the effect on writers.
/// </summary>
internal static class RecoveryVerb
{
    private const double MsPerSecond = 1000;

    public static Command Create()
    {
        var megabytes = Verbs.Number("--megabytes", 512, "What the only shard holds before the first kill, MB.");
        var missed = Verbs.Number("--missed", 256, "What is written while the node is down, MB; the nodes' logs keep up to 512.");
        var outrun = Verbs.Number("--outrun", 1024, "What is written while it is down once more, MB: more than the logs keep.");
        var rate = Verbs.Number("--rate", 100, "Small writes per second while a checkpoint is fetched, one key.");
        var calm = Verbs.Seconds("--calm", 15, "Seconds for which those writes are watched before.");
        var data = Verbs.Data();
        var json = Verbs.Json();
        var command = new Command("recovery", "How fast a killed node comes back: with nothing missed, by the log, by a checkpoint; and what writers notice.")
        {
            megabytes, missed, outrun, rate, calm, data, json,
        };
        command.Runs(async (parsed, cancel) =>
        {
            var lines = new JsonLines(parsed.GetValue(json));
            await using var cluster = await KvRaftCluster.StartAsync(parsed.GetRequiredValue(data), shards: 1, cancel);
            await using var store = new TypedStore(cluster.Endpoints);
            var results = await new RecoveryRounds(cluster, store).RunAsync(
                parsed.GetValue(megabytes),
                parsed.GetValue(missed),
                parsed.GetValue(outrun),
                TimeSpan.FromMilliseconds(MsPerSecond / parsed.GetValue(rate)),
                TimeSpan.FromSeconds(parsed.GetValue(calm)),
                cancel);
            foreach (var result in results)
            {
                lines.Add("recovery", result);
            }

            Console.WriteLine(Table(results));
        });
        return command;
    }

    private static string Table(IReadOnlyList<RecoveryResult> results)
    {
        var table = new TextTable("return of a node", "MB", "s", "MB/s", "writes p99 ms before", "meanwhile", "ratio");
        foreach (var result in results)
        {
            table.Add(
                result.What,
                result.Bytes == 0 ? "" : TextTable.Number(result.Megabytes),
                TextTable.Number(result.Took.TotalSeconds),
                result.Bytes == 0 ? "" : TextTable.Number(result.MegabytesPerSecond),
                Optional(result.WritesBefore),
                Optional(result.WritesMeanwhile),
                Optional(result.WritesMeanwhile / result.WritesBefore));
        }

        return table.ToString();
    }

    private static string Optional(double? number) => number is { } known ? TextTable.Number(known) : "";
}
