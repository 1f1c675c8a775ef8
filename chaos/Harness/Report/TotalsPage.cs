using System.Globalization;
using System.Text.Json;

namespace KvRaft.Chaos.Report;

/// <summary>Adds up <c>runs.jsonl</c>: what all runs of a folder came to together.</summary>
internal static class TotalsPage
{
    public static string Of(IEnumerable<string> lines)
    {
        var runs = lines.Select(line => JsonDocument.Parse(line).RootElement).ToList();
        long Sum(string name) => runs.Sum(run => run.GetProperty(name).GetInt64());
        int Outcome(RunOutcome outcome) => runs.Count(run => run.GetProperty("outcome").GetString() == outcome.ToString());
        var times = runs.SelectMany(run => run.GetProperty("failoversMs").EnumerateArray().Select(ms => TimeSpan.FromMilliseconds(ms.GetInt32()))).ToList();
        return string.Create(
            CultureInfo.InvariantCulture,
            $"""
            runs {runs.Count}: {Outcome(RunOutcome.Passed)} passed, {Outcome(RunOutcome.Violated)} violated, {Outcome(RunOutcome.Undecided)} undecided; {runs.Sum(run => run.GetProperty("seconds").GetDouble()) / 3600:0.00} h
            operations {Sum("operations")}, answered {Sum("answered")}
            faults {Sum("faults")}, kills {Sum("kills")}, power cuts {Sum("powerCuts")} (all nodes at once {Sum("powerCutsOfAll")} times)
            failovers: {new FailoverTimes(times, (int)Sum("outages"))}
            """);
    }
}
