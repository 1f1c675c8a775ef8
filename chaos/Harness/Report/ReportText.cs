using System.Globalization;
using System.Text;
using KvRaft.Chaos.Checkers;

namespace KvRaft.Chaos.Report;

/// <summary>A run as text, for a terminal and for report.txt.</summary>
internal static class ReportText
{
    public static string Of(RunResult result)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Word(result.Outcome)}  {result.Scenario}  seed {result.Options.Seed}  {result.Took.TotalSeconds:0} s\n");
        var operations = result.History.Operations;
        text.Append(CultureInfo.InvariantCulture, $"operations {operations.Count}, ok {operations.Count(operation => operation.IsOk)}, failed {operations.Count(operation => operation.Outcome == OperationOutcome.Failed)}, unknown {operations.Count(operation => operation.Outcome == OperationOutcome.Unknown)}\n");
        text.Append(CultureInfo.InvariantCulture, $"faults {result.Totals.FaultCount}{(result.Totals.FaultCount == 0 ? "" : $" ({string.Join(", ", result.Totals.Faults.Select(pair => $"{pair.Key} {pair.Value}"))})")}, kills {result.Totals.Kills}, power cuts {result.Totals.PowerCuts}\n");
        text.Append(CultureInfo.InvariantCulture, $"failovers: {result.Failovers}\n");
        foreach (var verdict in result.Verdicts)
        {
            text.Append(verdict.ToText());
        }

        return text.Append(CultureInfo.InvariantCulture, $"folder {result.Folder}\nagain: chaos/run --scenario {result.Scenario} --seed {result.Options.Seed} --duration {result.Options.Duration.TotalSeconds:0} --nodes {result.Options.Nodes}{(result.Options.Replicas is { } replicas ? $" --replicas {replicas}" : "")}\n").ToString();
    }

    public static string Word(RunOutcome outcome) => outcome switch
    {
        RunOutcome.Passed => "PASSED",
        RunOutcome.Violated => "VIOLATED",
        _ => "UNDECIDED",
    };
}
