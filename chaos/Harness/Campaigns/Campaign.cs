using System.Diagnostics;
using System.Runtime.InteropServices;
using KvRaft.Chaos.Cluster;
using KvRaft.Chaos.Faults;
using KvRaft.Chaos.Machine;
using KvRaft.Chaos.Matrix;
using KvRaft.Chaos.Measures;
using KvRaft.Chaos.Report;
using KvRaft.Chaos.Scenarios;

namespace KvRaft.Chaos.Campaigns;

/// <summary>Several runs one after another, and their combined result.</summary>
internal static class Campaign
{
    public const int Violated = 1;
    public const int Undecided = 3;
    public const int NotRun = 4;

    /// <summary>Where runs create their folders by default.</summary>
    public static readonly string OutputDefault = Path.Combine("artifacts", "chaos");

    public static async Task<int> RunAsync(CommandLine line)
    {
        var options = OptionsOf(line);
        Directory.CreateDirectory(options.Output);
        var abilities = await HostAbilities.LookAsync(options.Host, options.OtherBuild, options.Output);
        using var interrupted = new CancellationTokenSource();
        using var onTerm = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Interrupt(context, interrupted));
        using var onInt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Interrupt(context, interrupted));
        var runs = line.Number("--runs") ?? 1;
        if (line.Text("--planted") is { } planted)
        {
            return await SelfTest.RunAsync(planted, runs, Planted(line, options), abilities, interrupted.Token);
        }

        var verdict = await RunAsync(CellsOf(line, options.Seed), runs, options, abilities, TotalOf(line), interrupted);
        if (line.Text("--tier") != ScenarioMatrix.PullRequestTier)
        {
            return verdict;
        }

        // A pass of the cells means more if the same judges have just found planted bugs.
        var selfTest = await SelfTest.RunAsync(ScenarioMatrix.PullRequestBugs, trials: 1, Planted(line, options), abilities, interrupted.Token);

        // The worst result wins.
        return new[] { Violated, Undecided, NotRun }.FirstOrDefault(code => verdict == code || selfTest == code);
    }

    private static RunOptions Planted(CommandLine line, RunOptions options) => options with
    {
        Build = BuildOf(line, "planted-") ?? throw new ArgumentException("--planted-node is missing: chaos/run gives it."),
    };

    /// <summary>A build from the options for its program and its image: <c>--node</c> and <c>--image</c>, with the prefix <c>other-</c> or <c>planted-</c>.
    /// Null: not given.</summary>
    public static NodeBuild? BuildOf(CommandLine line, string prefix) =>
        line.Text($"--{prefix}node") is { } executable ? new NodeBuild(executable, line.Text($"--{prefix}image")) : null;

    /// <summary>The host of the nodes, from the command line.</summary>
    /// <exception cref="ArgumentException">There is no such host.</exception>
    public static INodeHost HostOf(CommandLine line) => line.Text("--in") switch
    {
        "containers" => new ContainerHost(line.Text("--image") ?? throw new ArgumentException("--image is missing: chaos/run gives it.")),
        "namespaces" or null => new ProcessHost(inNamespaces: true),
        "processes" => new ProcessHost(inNamespaces: false),
        var other => throw new ArgumentException($"--in {other}: containers, namespaces or processes."),
    };

    private static IReadOnlyList<Cell> CellsOf(CommandLine line, int seed) =>
        line.Text("--scenario") is { } cells
            ? [.. ScenarioMatrix.ParseList(cells).Select(static scenario => new Cell(scenario))]
            : ScenarioMatrix.Tier(line.Text("--tier")!, seed) ?? throw new ArgumentException($"There is no tier '{line.Text("--tier")}': pr, nightly, sample.");

    /// <summary>The time limit of the campaign; null: none.</summary>
    private static TimeSpan? TotalOf(CommandLine line) => line.Text("--tier") == SampleTier.Name && line.Text("--duration") is null ? SampleTier.Total : null;

    private static async Task<int> RunAsync(
        IReadOnlyList<Cell> cells, int runs, RunOptions options, HostAbilities abilities, TimeSpan? total, CancellationTokenSource interrupted)
    {
        var results = new List<RunResult>();
        var notRun = new List<Scenario>();

        // Runs in which the machine, not the store, refused an operation of the harness.
        var broken = new List<Scenario>();
        var clock = Stopwatch.StartNew();
        Console.WriteLine(total is null ? $"seed {options.Seed}, {options.Duration.TotalSeconds:0} s of faults a run" : $"seed {options.Seed}, {cells.Count} cells in {total.Value.TotalMinutes:0} min");
        for (var place = 0; place < cells.Count; place++)
        {
            var cell = cells[place];
            var scenario = cell.Scenario;
            var ofCell = (options with { Nodes = cell.Nodes ?? options.Nodes, Replicas = cell.Replicas ?? options.Replicas, Seed = options.Seed + cell.SeedOffset }).For(scenario);
            for (var run = 0; run < runs && !interrupted.IsCancellationRequested; run++)
            {
                var duration = total is { } all ? SampleTier.DurationOf(all - clock.Elapsed, ((cells.Count - place) * runs) - run) : options.Duration;
                if (WhyNot(scenario, abilities, ofCell) is { } why)
                {
                    Console.WriteLine($"NOT RUN    {scenario}: could not inject: {why}");
                    notRun.Add(scenario);
                    break;
                }

                if (duration is not { } time)
                {
                    Console.WriteLine($"NOT RUN    {scenario}: no time left");
                    notRun.Add(scenario);
                    break;
                }

                Console.WriteLine($"== {scenario} seed {ofCell.Seed + run}");
                try
                {
                    var result = await new ScenarioRun(scenario, ofCell with { Seed = ofCell.Seed + run, Duration = time }, abilities).RunAsync(interrupted.Token);
                    Console.WriteLine(ReportText.Of(result));
                    results.Add(result);
                }
                catch (ShellException failure)
                {
                    Console.WriteLine($"BROKEN     {scenario}: {failure.Message}");
                    broken.Add(scenario);
                }
#pragma warning disable CA1031 // A fault of the harness makes this run worthless. It must not stop the other cells.
                catch (Exception failure)
#pragma warning restore CA1031
                {
                    Console.WriteLine($"BROKEN     {scenario}: the harness failed: {failure}");
                    broken.Add(scenario);
                }
            }
        }

        return Conclude(results, notRun, broken);
    }

    private static int Conclude(List<RunResult> results, List<Scenario> notRun, List<Scenario> broken)
    {
        Console.WriteLine("== together");
        foreach (var result in results)
        {
            Console.WriteLine($"{ReportText.Word(result.Outcome),-10} {result.Scenario} seed {result.Options.Seed}: {result.History.Operations.Count} operations, {result.Totals.FaultCount} faults");
        }

        foreach (var scenario in broken)
        {
            Console.WriteLine($"{"BROKEN",-10} {scenario}");
        }

        foreach (var scenario in notRun)
        {
            Console.WriteLine($"{"NOT RUN",-10} {scenario}");
        }

        Console.WriteLine($"operations {results.Sum(result => result.History.Operations.Count)}, faults {results.Sum(result => result.Totals.FaultCount)}, kills {results.Sum(result => result.Totals.Kills)}, power cuts {results.Sum(result => result.Totals.PowerCuts)} ({results.Sum(result => result.Totals.PowerCutsOfAll)} of all nodes)");
        Console.WriteLine($"failovers: {results.Aggregate(FailoverTimes.None, (all, result) => all.And(result.Failovers))}");
        Console.WriteLine($"chaos: {results.Count(result => result.Outcome == RunOutcome.Passed)} passed, {results.Count(result => result.Outcome == RunOutcome.Violated)} violated, {results.Count(result => result.Outcome == RunOutcome.Undecided) + broken.Count} undecided, {notRun.Count} not run");

        // The worst result wins, and a cell that could not run is not a pass.
        return results.Exists(result => result.Outcome == RunOutcome.Violated) ? Violated
            : results.Exists(result => result.Outcome == RunOutcome.Undecided) || broken.Count > 0 ? Undecided
            : notRun.Count > 0 || results.Count == 0 ? NotRun
            : 0;
    }

    private static string? WhyNot(Scenario scenario, HostAbilities abilities, RunOptions options)
    {
        var nodes = options.Nodes;
        if (scenario.ReplicasMin > (options.Replicas ?? nodes))
        {
            return $"{scenario.Fault} needs {scenario.ReplicasMin} replicas of a shard";
        }

        if (scenario.Fault != FaultCatalog.Mixed)
        {
            return scenario.Kinds.Select(kind => kind.NodesMin > nodes ? $"{kind.Name} needs {kind.NodesMin} nodes" : abilities.WhyNot(kind.Needs)).FirstOrDefault(why => why is not null);
        }

        // A mix without some of its faults is another, weaker mix: it is reported, and it runs.
        foreach (var kind in scenario.Kinds)
        {
            if (abilities.WhyNot(kind.Needs) is { } why)
            {
                Console.WriteLine($"mixed without {kind.Name}: could not inject: {why}");
            }
        }

        return null;
    }

    private static RunOptions OptionsOf(CommandLine line) => OptionsOf(line, line.Text("--tier") == ScenarioMatrix.PullRequestTier);

    private static RunOptions OptionsOf(CommandLine line, bool isPullRequest) => new()
    {
        Build = BuildOf(line, "") ?? throw new ArgumentException("--node is missing: chaos/run gives it."),
        OtherBuild = BuildOf(line, "other-"),
        Host = HostOf(line),
        Output = line.Text("--out") ?? OutputDefault,
        Duration = TimeSpan.FromSeconds(line.Number("--duration") ?? (isPullRequest ? 15 : 60)),
        Seed = line.Number("--seed") ?? Random.Shared.Next(1, 1_000_000),
        BuildName = line.Text("--build"),
        Nodes = line.Number("--nodes") ?? (isPullRequest ? 3 : 5),
        NodesAreGiven = line.Number("--nodes") is not null,
        Replicas = line.Number("--replicas"),
        KeepData = line.Has("--keep-data"),
        Records = line.Text("--records"),
    };

    // The run continues to its end: it heals, reads back and removes what it created.
    private static void Interrupt(PosixSignalContext context, CancellationTokenSource interrupted)
    {
        context.Cancel = true;
        interrupted.Cancel();
    }
}
