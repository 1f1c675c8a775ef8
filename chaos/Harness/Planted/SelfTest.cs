using KvRaft.Chaos.Checkers;
using KvRaft.Chaos.Report;
using KvRaft.Chaos.Scenarios;

namespace KvRaft.Chaos.Planted;

/// <summary>
/// Shows that the harness can convict: a store with one planted bug is run until it is found guilty, for at most
/// five minutes. A harness that never convicted anybody proves nothing by its acquittals.
/// </summary>
internal static class SelfTest
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <returns>0 if all of them were convicted, 1 if one was not.</returns>
    public static async Task<int> RunAsync(string name, RunOptions options, HostAbilities abilities, CancellationToken interrupted)
    {
        var chosen = PlantedCatalog.All.Where(kind => name == "all" || kind.Name == name).ToList();
        if (chosen.Count == 0)
        {
            throw new ArgumentException($"There is no planted bug '{name}'. There are: all, {string.Join(", ", PlantedCatalog.All.Select(kind => kind.Name))}.");
        }

        var lines = new List<string>();
        foreach (var kind in chosen)
        {
            var line = await TryAsync(kind, options, abilities, interrupted);
            Console.WriteLine(line);
            lines.Add(line);
        }

        Console.WriteLine("== self-test");
        lines.ForEach(Console.WriteLine);
        var convicted = lines.Count(line => line.StartsWith("CONVICTED", StringComparison.Ordinal));
        Console.WriteLine($"{convicted} of {lines.Count} planted bugs convicted");
        return convicted == lines.Count ? 0 : 1;
    }

    private static async Task<string> TryAsync(PlantedKind kind, RunOptions options, HostAbilities abilities, CancellationToken interrupted)
    {
        if (kind.Scenario.Kinds.Select(fault => abilities.WhyNot(fault.Needs)).FirstOrDefault(why => why is not null) is { } reason)
        {
            return $"NOT RUN    {kind.Name}: could not inject: {reason}";
        }

        var spent = TimeSpan.Zero;
        var runs = 0;
        while (spent < Patience && !interrupted.IsCancellationRequested)
        {
            var result = await new ScenarioRun(kind.Scenario, options with
            {
                Seed = options.Seed + runs++,
                NodeEnvironment = new Dictionary<string, string> { ["KVRAFT_PLANTED_BUG"] = kind.Name },
            }, abilities).RunAsync(interrupted);
            spent += result.Took;

            // A bug that makes the store slow proves nothing about the judges of what it answers.
            var guilty = result.Verdicts.Where(verdict => verdict.Judgement == Judgement.Violation && verdict.Checker != "liveness").ToList();
            if (guilty.Count > 0)
            {
                var proofs = guilty.Select(verdict => $"{verdict.Checker} ({string.Join(", ", verdict.Counts.Keys)})");
                return $"CONVICTED  {kind.Name} by {string.Join(", ", proofs)} in run {runs} of {kind.Scenario}, {spent.TotalSeconds:0} s; {Path.Combine(result.Folder, "timeline.html")}";
            }
        }

        return $"AT LARGE   {kind.Name} after {runs} runs of {kind.Scenario}, {spent.TotalSeconds:0} s";
    }
}
