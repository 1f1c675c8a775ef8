using System.CommandLine;
using KvRaft.Benchmarks.Cells;
using KvRaft.Benchmarks.Clusters;

namespace KvRaft.Benchmarks.Micro;

/// <summary><c>micro</c>: log, codec and engine alone, in this process.</summary>
internal static class MicroVerb
{
    /// <summary>Concurrent appenders: one, the groups of a busy node, all groups of a node with the default number of shards.</summary>
    private static readonly int[] Appenders = [1, 8, 64];

    public static Command Create()
    {
        var only = new Option<string?>("--only") { Description = "One room: log, codec or engine." };
        only.AcceptOnlyFromAmong("log", "codec", "engine");
        var count = Verbs.Number("--rounds", 9, "Rounds measured; their median counts.");
        var entries = Verbs.Number("--recovery-entries", 100_000, "Entries of 1 KiB in the log that is recovered.");
        var data = Verbs.Data();
        var json = Verbs.Json();
        var command = new Command("micro", "The log, the codec and the engine alone: time and memory per operation.") { only, count, entries, data, json };
        command.Runs(async (parsed, cancel) =>
        {
            var lines = new JsonLines(parsed.GetValue(json));
            var rounds = new Rounds(parsed.GetValue(count));
            var table = new TextTable("what", "µs/op", "±%", "ops/s", "bytes/op", "note");
            using var directory = ClusterDirectory.Create(parsed.GetRequiredValue(data));
            await foreach (var result in ResultsAsync(directory, rounds, parsed.GetValue(only), parsed.GetValue(entries)).WithCancellation(cancel))
            {
                cancel.ThrowIfCancellationRequested();
                lines.Add("micro", result);
                await Console.Error.WriteLineAsync(result.Name);
                table.Add(
                    result.Name,
                    TextTable.Number(result.MedianMicros),
                    TextTable.Number(result.SpreadPercent),
                    TextTable.Number(result.PerSecond),
                    TextTable.Number(result.BytesAllocated),
                    result.Note);
            }

            Console.WriteLine(table);
        });
        return command;
    }

    private static async IAsyncEnumerable<MicroResult> ResultsAsync(ClusterDirectory directory, Rounds rounds, string? only, int entries)
    {
        if (only is null or "log")
        {
            foreach (var appenders in Appenders)
            {
                yield return await LogBenchmarks.AppendAsync(directory, rounds, appenders);
            }

            yield return await LogBenchmarks.RecoverAsync(directory, rounds, entries);
        }

        if (only is null or "codec")
        {
            foreach (var result in CodecBenchmarks.Run(rounds))
            {
                yield return result;
            }
        }

        if (only is null or "engine")
        {
            foreach (var result in EngineBenchmarks.Run(directory, rounds))
            {
                yield return result;
            }
        }
    }
}
