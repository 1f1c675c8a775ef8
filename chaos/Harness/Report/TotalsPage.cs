using System.Globalization;
using System.Text.Json;
using KvRaft.Chaos.Faults;
using KvRaft.Chaos.Measures;

namespace KvRaft.Chaos.Report;

/// <summary>Sums up <c>runs.jsonl</c>: the combined result of all runs of a folder.</summary>
internal static class TotalsPage
{
    public static string Of(IEnumerable<string> lines)
    {
        var runs = lines.Select(line => JsonDocument.Parse(line).RootElement).ToList();
        long Sum(string name) => runs.Sum(run => run.GetProperty(name).GetInt64());
        int Outcome(RunOutcome outcome) => runs.Count(run => run.GetProperty("outcome").GetString() == outcome.ToString());
        var killed = runs.FindAll(static run => run.GetProperty("scenario").GetString()!.StartsWith($"{FaultCatalog.KillLeader}/", StringComparison.Ordinal));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"""
            runs {runs.Count}: {Outcome(RunOutcome.Passed)} passed, {Outcome(RunOutcome.Violated)} violated, {Outcome(RunOutcome.Undecided)} undecided; {runs.Sum(run => run.GetProperty("seconds").GetDouble()) / 3600:0.00} h
            operations {Sum("operations")}, answered {Sum("answered")}
            faults {Sum("faults")}, kills {Sum("kills")}, power cuts {Sum("powerCuts")} (all nodes at once {Sum("powerCutsOfAll")} times)
            failovers: {FailoversOf(runs)}
            failovers of {FaultCatalog.KillLeader}: {FailoversOf(killed)}
            """);
    }

    private static FailoverTimes FailoversOf(IReadOnlyCollection<JsonElement> runs) => new(
        [.. runs.SelectMany(static run => run.GetProperty("failoversMs").EnumerateArray()).Select(static ms => TimeSpan.FromMilliseconds(ms.GetInt32()))],
        runs.Sum(static run => run.GetProperty("outages").GetInt32()));
}
