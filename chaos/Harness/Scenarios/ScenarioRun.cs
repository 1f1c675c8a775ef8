using System.Diagnostics;
using System.Globalization;
using KvRaft.Chaos.Checkers;
using KvRaft.Chaos.Cluster;
using KvRaft.Chaos.Faults;
using KvRaft.Chaos.Machine;
using KvRaft.Chaos.Matrix;
using KvRaft.Chaos.Measures;
using KvRaft.Chaos.Report;
using KvRaft.Chaos.Workloads;
using KvRaft.Client;

namespace KvRaft.Chaos.Scenarios;

/// <summary>
/// One run of one scenario: start a cluster, let clients use it while the nemesis injects faults, heal, read everything back, compare
/// the replicas, stop, judge. All results are in one folder; everything created outside is removed. If a node ends by itself or a replica stops for good, the
/// run goes straight to its end (<see cref="EndWatch"/>) and does not wait for events that cannot come.
/// </summary>
internal sealed class ScenarioRun(Scenario scenario, RunOptions options, HostAbilities abilities)
{
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan HealthPatience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan ReadBackPatience = TimeSpan.FromSeconds(60);

    /// <summary>
    /// The nemesis considers a fault healed when every node serves again; elections and the backoff of clients after it last a second or two.
    /// </summary>
    private static readonly TimeSpan WriteGrace = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(30);

    private readonly FindingList _findings = new();

    /// <summary>Operations that were not done in time; on a machine that starved the nodes they are not a violation.</summary>
    private readonly FindingList _late = new();

    private readonly RunTotals _totals = new();
    private readonly List<string> _unverified = [];

    /// <summary>Null until the nodes have stopped and their logs were read.</summary>
    private Verdict? _logs;

    /// <summary>Runs and judges.</summary>
    public async Task<RunResult> RunAsync(CancellationToken interrupted)
    {
        var id = string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:yyyyMMdd-HHmmss}-{scenario.Fault}-{scenario.Workload}-{options.Seed}");
        var folder = Path.Combine(Path.GetFullPath(options.Output), id);
        Directory.CreateDirectory(folder);
        var ledger = new Ledger(Path.Combine(folder, "ledger"));
        var clock = Stopwatch.StartNew();
        await using var watch = new MachineWatch();
        try
        {
            var failovers = await DriveAsync(id, folder, ledger, interrupted);
            var result = Judge(id, folder, failovers, clock.Elapsed, watch);
            RunFolder.Write(result);
            // For a planted bug the data prove nothing more; a hundred such runs filled a disk.
            if ((result.Outcome == RunOutcome.Passed || options.PlantedBug is not null) && !options.KeepData)
            {
                RunFolder.DropData(folder);
            }

            return result;
        }
        finally
        {
            foreach (var left in await ledger.SweepAsync())
            {
                Console.Error.WriteLine($"could not be removed: {left}");
            }
        }
    }

    private async Task<FailoverTimes> DriveAsync(string id, string folder, Ledger ledger, CancellationToken interrupted)
    {
        var random = new Random(options.Seed);
        var kinds = scenario.Kinds.Where(kind => abilities.WhyNot(kind.Needs) is null && kind.NodesMin <= options.Nodes).ToList();
        var replicas = options.Replicas ?? ((random.Next(2) == 0 && scenario.ReplicasMin <= 3) || (kinds.Count > 0 && kinds.TrueForAll(kind => kind.NeedsSpareNodes)) ? 3 : options.Nodes);
        kinds.RemoveAll(kind => kind.NeedsSpareNodes && replicas == options.Nodes);
        var needs = kinds.Aggregate(FaultNeeds.None, (all, kind) => all | kind.Needs);
        var plan = new ClusterPlan
        {
            Folder = folder,
            Build = options.Build,
            OtherBuild = options.OtherBuild,
            Nodes = options.Nodes,
            Replicas = replicas,
            Host = options.Host,
            OwnVolumes = needs.HasFlag(FaultNeeds.Volumes),
            OwnLinks = needs.HasFlag(FaultNeeds.Links),
            Seed = options.Seed,
            OwnClocks = needs.HasFlag(FaultNeeds.Shim),
            Environment = options.PlantedBug is { } bug ? new Dictionary<string, string> { ["KVRAFT_PLANTED_BUG"] = bug } : new Dictionary<string, string>(),
        };
        await using var cluster = await ChaosCluster.CreateAsync(plan, Environment.ProcessId.ToString("x", CultureInfo.InvariantCulture), ledger);
        await cluster.StartAllAsync();
        var workload = WorkloadCatalog.All[scenario.Workload]();
        if (await BecomeReadyAsync(cluster, workload) is { } missing)
        {
            NoteDeaths(cluster);
            _late.Add(new Finding("did-not-start", missing));
            File.WriteAllText(Path.Combine(folder, RunFolder.HistoryFile), "");
            return FailoverTimes.None;
        }

        await using var watch = new EndWatch(cluster);
        await using var failovers = await FailoverProbe.CreateAsync(cluster.Endpoints, plan.Shards, watch.Over);
        using var recorder = new Recorder(Path.Combine(folder, RunFolder.HistoryFile), new HistoryHeader
        {
            Run = id,
            Seed = options.Seed,
            Workload = workload.Name,
            Nodes = cluster.Names,
            Clock = "monotonic clock of the harness",
            Build = options.BuildName,
            Note = $"{scenario}: {plan.Nodes} nodes, {plan.Shards} shards, {plan.Replicas} replicas",
            Parameters = ParametersOf(workload, plan),
        });
        await using var clients = new Clients(cluster, recorder, options);
        var scene = new FaultScene(cluster, random, failovers, _totals);
        await UseAndBreakAsync(cluster, clients, workload, recorder, scene, kinds, Path.Combine(folder, RunFolder.FaultsFile), watch, interrupted);
        await failovers.FinishAsync();
        if (failovers.Outages > 0)
        {
            _late.Add(new Finding("outage", $"{failovers.Outages} times a shard that lost its leader took no write for {FailoverProbe.Patience.TotalSeconds:0} s"));
        }

        await AfterwardsAsync(cluster, clients, workload, watch);
        return new FailoverTimes(failovers.Times, failovers.Outages);
    }

    /// <summary>Null: every node serves, and the workload has the keyspaces it needs; otherwise what is missing.</summary>
    private static async Task<string?> BecomeReadyAsync(ChaosCluster cluster, IWorkload workload)
    {
        if (await cluster.BecomeHealthyAsync(StartPatience) is { } missing)
        {
            return $"after {StartPatience.TotalSeconds:0} s {missing}";
        }

        await using var admin = KvClient.Connect($"kvraft://{string.Join(',', cluster.Endpoints)}/default?timeout=30s");
        try
        {
            await workload.PrepareAsync(admin);
            return null;
        }
        catch (KvException failure)
        {
            return $"{workload.Name} could not be prepared: {failure.Message}";
        }
    }

    /// <summary>
    /// The parameters of the workload, and one for every cell: without a fault, nine writes of ten are decided. A tenth is for writes in progress when a
    /// planned transfer replaces a leader, and for the first request of a client to a cluster that has just healed.
    /// </summary>
    private static Dictionary<string, long> ParametersOf(IWorkload workload, ClusterPlan plan)
    {
        var parameters = new Dictionary<string, long>(workload.Parameters)
        {
            [WriteAvailability.ShareParameter] = 900,
            [WriteAvailability.GraceParameter] = (long)WriteGrace.TotalMilliseconds,
        };

        // The smaller half of three nodes is one, which is not a quorum of two, with or without fallbacks.
        if (plan.Nodes / 2 < EventualKeyspaces.Quorum)
        {
            parameters.Remove(SideAvailability.ShareParameter);
        }

        return parameters;
    }

    private async Task UseAndBreakAsync(
        ChaosCluster cluster,
        Clients clients,
        IWorkload workload,
        Recorder recorder,
        FaultScene scene,
        IReadOnlyList<FaultKind> kinds,
        string faultsFile,
        EndWatch watch,
        CancellationToken interrupted)
    {
        using var endUse = new CancellationTokenSource();
        using var endFaults = CancellationTokenSource.CreateLinkedTokenSource(interrupted, watch.Over);
        var use = clients.RunAsync(workload, endUse.Token);
        endFaults.CancelAfter(options.Duration);
        await using (var timeline = new StreamWriter(faultsFile))
        {
            var nemesis = new Nemesis(scene, kinds, recorder, timeline, watch.Over);
            if (kinds.Count > 0)
            {
                await nemesis.RunAsync(endFaults.Token);
            }
            else
            {
                await Task.Delay(options.Duration, endFaults.Token).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            }

            _unverified.AddRange(nemesis.Unverified);
        }

        if (watch.Seen is null && await cluster.BecomeHealthyAsync(HealthPatience) is { } missing)
        {
            _late.Add(new Finding("not-healthy-after-heal", $"{HealthPatience.TotalSeconds:0} s after the last heal {missing}"));
        }

        // A little use of the healed cluster, past the grace period, then a pause.
        if (watch.Seen is null)
        {
            await Task.Delay(WriteGrace + TimeSpan.FromSeconds(1), CancellationToken.None);
        }

        await endUse.CancelAsync();
        await use;
    }

    private async Task AfterwardsAsync(ChaosCluster cluster, Clients clients, IWorkload workload, EndWatch watch)
    {
        if (watch.Seen is null)
        {
            await ReadBackAsync(cluster, clients, workload);
        }

        foreach (var leak in clients.Workers.SelectMany(worker => worker.Leaks))
        {
            _findings.Add(new Finding("client-leak", leak));
        }

        foreach (var difference in await ReplicaComparison.DifferencesAsync(cluster, watch.Over))
        {
            (difference.Anomaly == ReplicaComparison.Behind ? _late : _findings).Add(difference);
        }

        NoteDeaths(cluster);
        foreach (var stopped in ChaosCluster.StoppedReplicas(await cluster.StatusesAsync()))
        {
            _findings.Add(new Finding("replica-stopped", stopped));
        }

        var applied = await NodeLogs.AppliedAsync(cluster);
        foreach (var node in cluster.Plan.Numbers.Where(node => cluster.Process(node).IsRunning))
        {
            switch (await cluster.Process(node).StopAsync(StopPatience))
            {
                case null:
                    _late.Add(new Finding("did-not-stop", $"{ChaosCluster.NameOf(node)} continued for {StopPatience.TotalSeconds:0} s after SIGTERM"));
                    break;
                case not 0 and var exitCode:
                    _findings.Add(new Finding("bad-exit", $"{ChaosCluster.NameOf(node)} stopped with exit code {exitCode}"));
                    break;
            }
        }

        _logs = LogComparison.Check(await NodeLogs.ReadAsync(cluster), applied);
    }

    private async Task ReadBackAsync(ChaosCluster cluster, Clients clients, IWorkload workload)
    {
        // Before the reads, which would repair the differences they find.
        if (workload.Eventual is { } keyspace && await CopyComparison.DifferenceAsync(cluster, keyspace) is { } unequal)
        {
            _late.Add(unequal);
        }

        using var limit = new CancellationTokenSource(ReadBackPatience);
        await workload.ReadBackAsync(clients.Reader, limit.Token);
    }

    private void NoteDeaths(ChaosCluster cluster)
    {
        foreach (var node in cluster.DiedByThemselves())
        {
            _findings.Add(new Finding("node-died", $"{ChaosCluster.NameOf(node)} ended by itself with exit code {cluster.Process(node).DeathCode}")
            {
                Explanation = string.Join('\n', File.ReadLines(cluster.LogFile(node)).TakeLast(20)),
            });
        }
    }

    private RunResult Judge(string id, string folder, FailoverTimes failovers, TimeSpan took, MachineWatch watch)
    {
        var verdicts = new List<Verdict>();
        foreach (var complaint in _totals.Complaints)
        {
            _findings.Add(new Finding("complaint", complaint));
        }

        verdicts.Add(_findings.ToVerdict("cluster"));
        verdicts.Add(LivenessVerdict(watch));
        verdicts.Add(FaultVerdict());
        if (_logs is not null)
        {
            verdicts.Add(_logs);
        }

        using var text = new StreamReader(Path.Combine(folder, RunFolder.HistoryFile));
        var history = History.Read(text);
        if (history.Header.Workload is not null)
        {
            verdicts.AddRange(HistoryJudge.Judge(history, FaultCatalog.Judging).Select(verdict => Excused(verdict, watch)));
        }

        return new RunResult(id, folder, scenario, options, history, verdicts, _totals, failovers, took);
    }

    private Verdict LivenessVerdict(MachineWatch watch) => OnThisMachine(
        _late.ToVerdict("liveness", new Dictionary<string, double> { ["worst-stall-ms"] = watch.WorstStall.TotalMilliseconds, ["worst-load"] = watch.WorstLoad }), watch);

    /// <summary>Writes that were refused for lack of a processor are late, not wrong. A writer that is refused for its identity is wrong on any
    /// machine.</summary>
    private static Verdict Excused(Verdict verdict, MachineWatch watch) =>
        verdict.Findings.Count > 0 && verdict.Findings.All(static finding => finding.Anomaly == WriteAvailability.Refused) ? OnThisMachine(verdict, watch) : verdict;

    private static Verdict OnThisMachine(Verdict verdict, MachineWatch watch) => verdict.IsValid || watch.WhyStarved is not { } starved ? verdict : verdict with
    {
        Judgement = Judgement.Undecided,
        Reason = $"{starved}; {verdict.Findings[0].Message}",
    };

    private Verdict FaultVerdict()
    {
        var reason = _unverified.Count > 0 ? string.Join("; ", _unverified)
            : scenario.Kinds.Count > 0 && _totals.FaultCount == 0 ? "no fault was injected"
            : null;
        return new Verdict
        {
            Checker = "faults",
            Judgement = reason is null ? Judgement.Valid : Judgement.Undecided,
            Reason = reason,
            Figures = _totals.Faults.ToDictionary(pair => pair.Key, pair => (double)pair.Value),
        };
    }
}
