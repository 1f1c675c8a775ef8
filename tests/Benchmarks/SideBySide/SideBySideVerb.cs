using System.CommandLine;
using KvRaft.Benchmarks.Cells;
using KvRaft.Benchmarks.Load;

namespace KvRaft.Benchmarks.SideBySide;

/// <summary><c>side-by-side</c>: KvRaft and etcd under the same load on the same machine, in turn.</summary>
internal static class SideBySideVerb
{
    private const int DataSeed = 1;
    private const int KeysDefault = 10_000;

    /// <summary>Concurrent operations of the open loop; more than any system here needs at the default rate.</summary>
    private const int OpenLoopClients = 256;

    private static readonly string[] Subjects = ["kvraft unary", "kvraft typed"];

    public static Command Create()
    {
        var operations = Verbs.Several("--operations", [OperationKind.Put, OperationKind.Get], "Which of put, get, mix.");
        var clients = Verbs.Several("--clients", [1, 16, 64, 256], "How many clients, each with one operation under way.");
        var values = Verbs.Several("--values", [100], "Sizes of values, bytes.");
        var rate = Verbs.Number("--rate", 1500, "Puts that arrive per second in an open loop; 0: no such cell.");
        var pairs = Verbs.Number("--pairs", 5, "Quiet pairs per cell.");
        var rounds = Verbs.Number("--rounds", 10, "Rounds at most; each measures the cells that still lack quiet pairs.");
        var noise = Verbs.Seconds("--noise", 0.3, "Cores that others use or the hypervisor steals, up to which a pair is quiet.");
        var shards = Verbs.Number("--shards", 64, "Shards of the KvRaft cluster, a power of two; the node's own default is 64.");
        var keys = Verbs.Number("--keys", KeysDefault, "Keys, all written before measuring.");
        var start = Verbs.Seconds("--start", 10, "Seconds of mixed load before a fresh cluster is measured.");
        var warmUp = Verbs.Seconds("--warm-up", 2, "Seconds under load before each cell is measured.");
        var seconds = Verbs.Seconds("--seconds", 5, "Seconds measured per cell.");
        var etcd = new Option<string>("--etcd") { Description = "The etcd server to start; Debian: apt-get install etcd-server.", DefaultValueFactory = static _ => "etcd" };
        var svg = new Option<string?>("--svg") { Description = "Draw throughput and p99 over clients into this file." };
        var record = new Option<string?>("--record") { Description = "Write the ratios of throughput into this file, for --against." };
        var against = new Option<string?>("--against") { Description = "Compare with the ratios in this file, and fail if one fell by more than half." };
        var data = Verbs.Data();
        var json = Verbs.Json();
        var command = new Command("side-by-side", "Three etcd processes and three kvraft processes, both with durable defaults, under the same load in turn.")
        {
            operations, clients, values, rate, pairs, rounds, noise, shards, keys, start, warmUp, seconds, etcd, svg, record, against, data, json,
        };
        command.Runs(async (parsed, cancel) =>
        {
            // An invalid file is reported before the measurement starts.
            var guard = parsed.GetValue(against) is { } recorded ? RegressionGuard.Read(recorded) : null;
            var sizes = parsed.GetRequiredValue(values);
            var dataset = new Dataset(parsed.GetValue(keys), sizes.Max(), DataSeed);
            var workloads = Workloads().ToArray();
            var ledger = new PairLedger(parsed.GetValue(pairs), parsed.GetValue(noise));
            var parent = parsed.GetRequiredValue(data);
            var contest = new Contest(
                Contestant.Etcd(parsed.GetRequiredValue(etcd), parent),
                Contestant.KvRaft(parent, parsed.GetValue(shards)),
                workloads,
                dataset,
                TimeSpan.FromSeconds(parsed.GetValue(start)),
                ledger,
                new JsonLines(parsed.GetValue(json)));
            await contest.RunAsync(parsed.GetValue(rounds), cancel);

            var medians = workloads.Where(workload => ledger.Of(workload.Name).Count > 0).SelectMany(workload => MediansOf(ledger.Of(workload.Name))).ToArray();
            Console.WriteLine(CellTable.Of(medians));
            Console.WriteLine();
            Console.WriteLine(RatioTable.Of(workloads.Select(static workload => workload.Name), Subjects, ledger));
            if (parsed.GetValue(svg) is { } file)
            {
                await File.WriteAllTextAsync(file, Picture.Of(medians), cancel);
            }

            var ratios = RegressionGuard.Of(workloads.Select(static workload => workload.Name), Subjects, ledger);
            if (parsed.GetValue(record) is { } place)
            {
                RegressionGuard.Write(place, ratios);
            }

            if (guard is not null)
            {
                Console.WriteLine();
                Console.WriteLine(guard.Table(ratios));
                if (guard.Falls(ratios) is { Count: > 0 } falls)
                {
                    throw new InvalidOperationException(
                        $"Fell below {RegressionGuard.ShareMin} of what was recorded, or not measured: {string.Join("; ", falls.Select(static fall => $"{fall.System}, {fall.Cell}"))}");
                }
            }

            IEnumerable<Workload> Workloads()
            {
                var (before, measured) = (TimeSpan.FromSeconds(parsed.GetValue(warmUp)), TimeSpan.FromSeconds(parsed.GetValue(seconds)));
                var closed =
                    from operation in parsed.GetRequiredValue(operations)
                    from size in sizes
                    from count in parsed.GetRequiredValue(clients)
                    select new Workload(operation, count, size, dataset.Count, before, measured);
                var arrivals = parsed.GetValue(rate);
                return arrivals == 0
                    ? closed
                    : closed.Append(new Workload(OperationKind.Put, OpenLoopClients, sizes.Min(), dataset.Count, before, measured) { ArrivalsPerSecond = arrivals });
            }
        });
        return command;
    }

    private static IEnumerable<CellResult> MediansOf(IReadOnlyList<Pair> pairs) =>
        Subjects.Select((_, subject) => Medians.Of([.. pairs.Select(pair => pair.Subjects[subject])]))
            .Prepend(Medians.Of([.. pairs.Select(static pair => pair.Baseline)]));
}
