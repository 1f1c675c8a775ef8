using System.Text.Json;

namespace KvRaft.Chaos.Report;

/// <summary>
/// One line per run in <c>runs.jsonl</c> beside the folders of the runs, so that totals over days can be summed and shown. Runs of a store with a planted
/// bug do
/// not count for the store, and have a separate file.
/// </summary>
internal static class RunLedger
{
    public const string FileName = "runs.jsonl";
    public const string PlantedFileName = "planted.jsonl";

    public static void Append(RunResult result)
    {
        var line = JsonSerializer.Serialize(new
        {
            id = result.Id,
            scenario = result.Scenario.ToString(),
            planted = result.Options.PlantedBug,
            build = result.Options.BuildName,
            nodes = result.Options.Nodes,
            replicas = result.Options.Replicas,
            seed = result.Options.Seed,
            outcome = result.Outcome.ToString(),
            seconds = Math.Round(result.Took.TotalSeconds, 1),
            operations = result.History.Operations.Count,
            answered = result.History.Operations.Count(operation => operation.IsOk || operation.IsCompareMismatch),
            faults = result.Totals.FaultCount,
            kills = result.Totals.Kills,
            powerCuts = result.Totals.PowerCuts,
            powerCutsOfAll = result.Totals.PowerCutsOfAll,
            failoversMs = result.Failovers.Times.Select(time => (int)time.TotalMilliseconds).Order(),
            outages = result.Failovers.Outages,
        });
        foreach (var folder in new[] { result.Options.Output, result.Options.Records }.OfType<string>())
        {
            Directory.CreateDirectory(folder);
            File.AppendAllText(Path.Combine(folder, result.Options.PlantedBug is null ? FileName : PlantedFileName), line + "\n");
        }
    }
}
