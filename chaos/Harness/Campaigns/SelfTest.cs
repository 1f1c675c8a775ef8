using KvRaft.Chaos.Checkers;
using KvRaft.Chaos.Matrix;
using KvRaft.Chaos.Planted;
using KvRaft.Chaos.Scenarios;

namespace KvRaft.Chaos.Campaigns;

/// <summary>
/// Shows that the harness can find faults: it runs a store with one planted bug until a judge convicts it, for at most
/// five minutes. The passes of a harness that has never convicted a store prove nothing.
/// </summary>
internal static class SelfTest
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <param name="names">The bugs, separated by commas, or <c>all</c>.</param>
    /// <param name="trials">How often each bug is to be convicted, each time from the beginning.</param>
    /// <param name="options">Of every run; seeds count up from there.</param>
    /// <param name="abilities">The faults that this machine can inject.</param>
    /// <param name="interrupted">No further run begins.</param>
    /// <returns>An exit code: 0 if all bugs were convicted, each in at least nine trials of ten; the code of a violation if one was not; the code of a run
    /// that did not happen if one could not be tried.</returns>
    public static async Task<int> RunAsync(string names, int trials, RunOptions options, HostAbilities abilities, CancellationToken interrupted)
    {
        var records = new List<TrialRecord>();
        foreach (var kind in Chosen(names))
        {
            var record = new TrialRecord(kind);
            records.Add(record);
            if (kind.Scenario.Kinds.Select(fault => abilities.WhyNot(fault.Needs)).FirstOrDefault(why => why is not null) is { } reason)
            {
                Console.WriteLine($"NOT RUN    {kind.Name}: could not inject: {reason}");
                continue;
            }

            for (var trial = 0; trial < trials && !interrupted.IsCancellationRequested; trial++)
            {
                // The seeds are so far apart that no trial repeats a run of another.
                record.Add(await TryAsync(kind, options with { PlantedBug = kind.Name, Seed = options.Seed + (trial * 100) }, abilities, interrupted));
            }
        }

        Console.WriteLine("== self-test");
        records.ForEach(Console.WriteLine);
        var convicted = records.Count(static record => record.IsConvicted);
        Console.WriteLine($"{convicted} of {records.Count} planted bugs convicted");
        return records.Exists(static record => record.IsAtLarge) ? Campaign.Violated : convicted < records.Count ? Campaign.NotRun : 0;
    }

    /// <summary>
    /// The verdicts that convict: those about what the store answered or holds. A bug that only makes the store slow proves nothing about these judges. A run
    /// in which
    /// no operation was ever answered (a store that does not start) proves nothing at all.
    /// </summary>
    public static IReadOnlyList<Verdict> Guilty(IReadOnlyList<Verdict> verdicts, History history) =>
        history.Operations.Any(static operation => operation.IsOk)
            ? [.. verdicts.Where(static verdict => verdict.Judgement == Judgement.Violation && verdict.Checker != "liveness")]
            : [];

    /// <exception cref="ArgumentException">There is no such bug; the message lists the existing ones.</exception>
    private static List<PlantedKind> Chosen(string names)
    {
        var wanted = names.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var chosen = PlantedCatalog.All.Where(kind => wanted is ["all"] || wanted.Contains(kind.Name)).ToList();
        return wanted.Length > 0 && (wanted is ["all"] || chosen.Count == wanted.Distinct().Count())
            ? chosen
            : throw new ArgumentException($"'{names}' are not all planted bugs. There are: all, {string.Join(", ", PlantedCatalog.All.Select(static kind => kind.Name))}.");
    }

    private static async Task<Trial> TryAsync(PlantedKind kind, RunOptions options, HostAbilities abilities, CancellationToken interrupted)
    {
        var (spent, runs) = (TimeSpan.Zero, 0);
        while (spent < Patience && !interrupted.IsCancellationRequested)
        {
            var result = await new ScenarioRun(kind.Scenario, options.For(kind.Scenario) with { Seed = options.Seed + runs++ }, abilities).RunAsync(interrupted);
            spent += result.Took;
            if (Guilty(result.Verdicts, result.History) is { Count: > 0 } guilty)
            {
                var proofs = guilty.Select(static verdict => $"{verdict.Checker} ({string.Join(", ", verdict.Counts.Keys)})");
                Console.WriteLine($"CONVICTED  {kind.Name} by {string.Join(", ", proofs)} in run {runs} of {kind.Scenario}, {spent.TotalSeconds:0} s; {Path.Combine(result.Folder, "timeline.html")}");
                return new Trial(spent, [.. guilty.Select(static verdict => verdict.Checker)]);
            }
        }

        Console.WriteLine($"AT LARGE   {kind.Name} after {runs} runs of {kind.Scenario}, {spent.TotalSeconds:0} s");
        return new Trial(spent, []);
    }
}
