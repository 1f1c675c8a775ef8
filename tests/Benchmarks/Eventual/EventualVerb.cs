using System.CommandLine;
using KvRaft.Benchmarks.Cells;
using KvRaft.Benchmarks.Clusters;
using KvRaft.Benchmarks.Load;
using KvRaft.Benchmarks.Stores;

namespace KvRaft.Benchmarks.Eventual;

/// <summary><c>eventual</c>: the cost of each quorum of an eventual keyspace compared with a strong keyspace, on one cluster in one run.</summary>
internal static class EventualVerb
{
    private const int KeysDefault = 10_000;
    private const int DataSeed = 1;

    /// <summary>W and R of three copies: the default, the fastest, and one whose reads use one replica and still see every write.</summary>
    private static readonly (int Write, int Read)[] Quorums = [(2, 2), (1, 1), (3, 1)];

    public static Command Create()
    {
        var clients = Verbs.Several("--clients", [1, 64], "How many clients, each with one operation under way.");
        var values = Verbs.Number("--value", 100, "Size of a value, bytes.");
        var keys = Verbs.Number("--keys", KeysDefault, "Keys, all written before measuring.");
        var warmUp = Verbs.Seconds("--warm-up", 3, "Seconds under load before each cell is measured.");
        var start = Verbs.Seconds("--start", 10, "Seconds of mixed load on each keyspace before the first cell, so that the servers' hot code is compiled.");
        var seconds = Verbs.Seconds("--seconds", 10, "Seconds measured per cell.");
        var shards = Verbs.Number("--shards", 64, "Shards of the strong keyspace, a power of two; the node's own default is 64.");
        var data = Verbs.Data();
        var json = Verbs.Json();
        var command = new Command("eventual", "Put and get on three kvraft processes: a strong keyspace, and eventual ones with W and R of (2,2), (1,1), (3,1).")
        {
            clients, values, keys, start, warmUp, seconds, shards, data, json,
        };
        command.Runs(async (parsed, cancel) =>
        {
            var lines = new JsonLines(parsed.GetValue(json));
            var size = parsed.GetValue(values);
            var dataset = new Dataset(parsed.GetValue(keys), size, DataSeed);
            await using var cluster = await KvRaftCluster.StartAsync(parsed.GetRequiredValue(data), parsed.GetValue(shards), cancel);
            var stores = new List<IStore> { new TypedStore(cluster.Endpoints) };
            foreach (var (write, read) in Quorums)
            {
                stores.Add(await EventualStore.OpenAsync(cluster.Endpoints, write, read, cancel));
            }

            try
            {
                // The eventual keyspaces share their keys; the warm-up of one is sufficient for all.
                foreach (var store in stores.Take(2))
                {
                    await WarmUp.RunAsync(store, dataset, size, TimeSpan.FromSeconds(parsed.GetValue(start)), cancel);
                }

                var results = new List<CellResult>();
                foreach (var workload in Workloads())
                {
                    foreach (var store in stores)
                    {
                        var result = await CellRunner.RunAsync(cluster, store, workload, dataset, cancel);
                        results.Add(result);
                        lines.Add("eventual", result);
                        await Console.Error.WriteLineAsync($"{result.System}, {result.Cell}: {TextTable.Number(result.Throughput)}/s");
                    }
                }

                Console.WriteLine(CellTable.Of(results));
            }
            finally
            {
                foreach (var store in stores)
                {
                    await store.DisposeAsync();
                }
            }

            IEnumerable<Workload> Workloads() =>
                from operation in (OperationKind[])[OperationKind.Put, OperationKind.Get]
                from count in parsed.GetRequiredValue(clients)
                select new Workload(
                    operation, count, size, dataset.Count, TimeSpan.FromSeconds(parsed.GetValue(warmUp)), TimeSpan.FromSeconds(parsed.GetValue(seconds)));
        });
        return command;
    }
}
