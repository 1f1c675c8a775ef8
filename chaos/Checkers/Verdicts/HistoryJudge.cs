namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Picks the checkers for a history by the workload its header names: the part of the name before the first hyphen, so
/// that <c>register-cas</c> is a register. Whoever knows better calls the checkers directly.
/// </summary>
public static class HistoryJudge
{
    /// <summary>The consistency checker of each workload.</summary>
    private static readonly SortedDictionary<string, Func<History, Verdict[]>> Checkers = new(StringComparer.Ordinal)
    {
        ["append"] = history => [CycleChecker.Check(history)],
        ["bank"] = history => [BankChecker.Check(history)],
        ["converge"] = history => [ConvergenceChecker.Check(history), SideAvailability.Check(history)],
        ["counter"] = history => [CounterChecker.Check(history)],
        ["register"] = history => [Linearizability.Check(history)],
        ["session"] = history => [CausalChecker.Check(history)],
        ["set"] = history => [SetChecker.Check(history)],
        ["siblings"] = history => [CausalChecker.Check(history), SideAvailability.Check(history)],
        ["ttl"] = history => [TtlChecker.Check(history), Linearizability.Check(history)],
    };

    public static IReadOnlyCollection<string> Workloads => Checkers.Keys;

    /// <summary>The verdicts of the workload's checkers, then <see cref="RunValidity"/> and <see cref="AvailabilityChecker"/>.</summary>
    /// <param name="history">The run.</param>
    /// <param name="validity">When the run counts; null: the usual.</param>
    /// <exception cref="HistoryFormatException">The header names no workload known here, or a checker found the history malformed.</exception>
    public static IReadOnlyList<Verdict> Judge(History history, RunValidityOptions? validity = null)
    {
        ArgumentNullException.ThrowIfNull(history);
        var workload = history.Header.Workload?.Split('-')[0] ?? "";
        return Checkers.TryGetValue(workload, out var check)
            ? [.. check(history), RunValidity.Check(history, validity), AvailabilityChecker.Check(history)]
            : throw new HistoryFormatException(1, "workload", $"\"{history.Header.Workload}\" is none of {string.Join(", ", Checkers.Keys)}");
    }
}
