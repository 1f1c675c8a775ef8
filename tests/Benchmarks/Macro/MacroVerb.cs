using System.CommandLine;
using KvRaft.Benchmarks.Cells;
using KvRaft.Benchmarks.Clusters;
using KvRaft.Benchmarks.Load;
using KvRaft.Benchmarks.Stores;

namespace KvRaft.Benchmarks.Macro;

/// <summary><c>macro</c>: a cluster of three processes under load, cell by cell.</summary>
internal static class MacroVerb
{
    /// <summary>A working set that fits into every cache, as is appropriate for a benchmark of consensus.</summary>
    private const int KeysDefault = 10_000;

    private const int DataSeed = 1;

    public static Command Create()
    {
        var client = new Option<string>("--client")
        {
            Description = "How requests travel: typed (the .NET client and its pipe) or unary (a plain gRPC call each).",
            DefaultValueFactory = static _ => "typed",
        };
        client.AcceptOnlyFromAmong("typed", "unary");
        var operations = Verbs.Several("--operations", [OperationKind.Put, OperationKind.Get, OperationKind.Mix], "Which of put, get, mix.");
        var clients = Verbs.Several("--clients", [1, 16, 64, 256], "How many clients, each with one operation under way.");
        var values = Verbs.Several("--values", [100, 1024], "Sizes of values, bytes.");
        var shards = Verbs.Number("--shards", 64, "Shards of the cluster, a power of two; the node's own default is 64.");
        var keys = Verbs.Number("--keys", KeysDefault, "Keys, all written before measuring.");
        var warmUp = Verbs.Seconds("--warm-up", 3, "Seconds under load before each cell is measured.");
        var start = Verbs.Seconds("--start", 10, "Seconds of mixed load before the first cell, so that the servers' hot code is compiled.");
        var seconds = Verbs.Seconds("--seconds", 10, "Seconds measured per cell.");
        var rate = Verbs.Number("--rate", 0, "Operations that arrive per second (open loop; --clients bounds those under way). 0: closed loop.");
        var data = Verbs.Data();
        var json = Verbs.Json();
        var command = new Command("macro", "Put, get and mixed load on three kvraft processes: throughput, latency, CPU, syncs, memory.")
        {
            client, operations, clients, values, shards, keys, start, warmUp, seconds, rate, data, json,
        };
        command.Runs(async (parsed, cancel) =>
        {
            var lines = new JsonLines(parsed.GetValue(json));
            var sizes = parsed.GetRequiredValue(values);
            var dataset = new Dataset(parsed.GetValue(keys), sizes.Max(), DataSeed);
            await using var cluster = await KvRaftCluster.StartAsync(parsed.GetRequiredValue(data), parsed.GetValue(shards), cancel);
            await using IStore store = parsed.GetValue(client) == "unary" ? new UnaryStore(cluster.Endpoints) : new TypedStore(cluster.Endpoints);
            await WarmUp.RunAsync(store, dataset, sizes.Max(), TimeSpan.FromSeconds(parsed.GetValue(start)), cancel);
            var results = new List<CellResult>();
            foreach (var workload in Workloads())
            {
                var result = await CellRunner.RunAsync(cluster, store, workload, dataset, cancel);
                results.Add(result);
                lines.Add("macro", result);
                await Console.Error.WriteLineAsync($"{result.Cell}: {TextTable.Number(result.Throughput)}/s");
            }

            Console.WriteLine(CellTable.Of(results));

            IEnumerable<Workload> Workloads() =>
                from operation in parsed.GetRequiredValue(operations)
                from size in sizes
                from count in parsed.GetRequiredValue(clients)
                select new Workload(
                    operation,
                    count,
                    size,
                    dataset.Count,
                    TimeSpan.FromSeconds(parsed.GetValue(warmUp)),
                    TimeSpan.FromSeconds(parsed.GetValue(seconds)))
                {
                    ArrivalsPerSecond = parsed.GetValue(rate),
                };
        });
        return command;
    }
}
