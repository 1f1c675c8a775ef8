using System.CommandLine;
using KvRaft.Benchmarks.Cells;
using KvRaft.Benchmarks.Clusters;
using KvRaft.Benchmarks.Stores;
using KvRaft.Benchmarks.Stores.Etcd;
using KvRaft.Client;

namespace KvRaft.Benchmarks.Failover;

/// <summary><c>failover</c>: the time without an acknowledged write after a kill -9 of the leader, compared with etcd.</summary>
internal static class FailoverVerb
{
    public static Command Create()
    {
        var kills = Verbs.Number("--kills", 30, "Kills of the leader per system.");
        var shards = Verbs.Number("--shards", 64, "Shards of the KvRaft cluster, a power of two.");
        var period = Verbs.Number("--period", 10, "Milliseconds from one write to the next; the gaps are known as exactly.");
        var settle = Verbs.Seconds("--settle", 3, "Seconds from a node's return to the next kill.");
        var systems = Verbs.Several("--systems", ["etcd", "unary", "typed"], "Which of etcd, unary, typed.");
        var etcd = new Option<string>("--etcd") { Description = "The etcd server to start; Debian: apt-get install etcd-server.", DefaultValueFactory = static _ => "etcd" };
        var data = Verbs.Data();
        var json = Verbs.Json();
        var command = new Command("failover", "The longest time without an acknowledged write around each kill -9 of the leader.")
        {
            kills, shards, period, settle, systems, etcd, data, json,
        };
        command.Runs(async (parsed, cancel) =>
        {
            var lines = new JsonLines(parsed.GetValue(json));
            var rows = new List<FailoverResult>();
            foreach (var system in parsed.GetRequiredValue(systems))
            {
                await using var cluster = await StartAsync(system, parsed.GetRequiredValue(etcd), parsed.GetRequiredValue(data), parsed.GetValue(shards), cancel);
                await using var store = StoreOf(system, cluster);
                var rounds = new FailoverRounds(
                    cluster, store, TimeSpan.FromMilliseconds(parsed.GetValue(period)), TimeSpan.FromSeconds(parsed.GetValue(settle)));
                var gaps = await rounds.RunAsync(
                    parsed.GetValue(kills), gap => Console.Error.WriteLine(FormattableString.Invariant($"{store.Name}: {gap.TotalMilliseconds:0} ms")), cancel);
                var row = new FailoverResult(store.Name, [.. gaps.Select(static gap => gap.TotalMilliseconds)]);
                rows.Add(row);
                lines.Add("failover", row);
            }

            Console.WriteLine(Table(rows));
        });
        return command;
    }

    private static async Task<ICluster> StartAsync(string system, string etcd, string data, int shards, CancellationToken cancellationToken) => system switch
    {
        "etcd" => await EtcdCluster.StartAsync(etcd, data, cancellationToken),
        "unary" or "typed" => await KvRaftCluster.StartAsync(data, shards, cancellationToken),
        _ => throw new ArgumentException($"There is no system '{system}'; allowed are etcd, unary, typed."),
    };

    private static IStore StoreOf(string system, ICluster cluster) => system switch
    {
        "etcd" => new EtcdStore(cluster.Endpoints),
        "unary" => new UnaryStore(cluster.Endpoints),

        // With default options: the reaction to a dead leader is measured.
        _ => new TypedStore(new KvClientOptions { Endpoints = cluster.Endpoints }),
    };

    private static string Table(IReadOnlyList<FailoverResult> rows)
    {
        var table = new TextTable("system", "kills", "p50 ms", "p90 ms", "worst ms", "p50 ratio");
        foreach (var row in rows)
        {
            table.Add(
                row.System,
                $"{row.GapsMs.Count}",
                TextTable.Number(Statistics.Median(row.GapsMs)),
                TextTable.Number(Statistics.Quantile(row.GapsMs, 0.9)),
                TextTable.Number(row.GapsMs.Max()),
                TextTable.Number(Statistics.Median(row.GapsMs) / Statistics.Median(rows[0].GapsMs)));
        }

        return table.ToString();
    }
}
