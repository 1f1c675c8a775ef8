namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Selects the checkers of a history by the workload in its header: the part of the name before the first hyphen, so that <c>register-cas</c> is a
/// register. A caller with more information calls the checkers directly.
/// </summary>
public static class HistoryJudge
{
    /// <summary>The consistency checkers of each workload.</summary>
    private static readonly SortedDictionary<string, Func<History, JudgeOptions, Verdict[]>> Checkers = new(StringComparer.Ordinal)
    {
        ["append"] = static (history, _) => [CycleChecker.Check(history)],
        ["bank"] = static (history, _) => [BankChecker.Check(history)],
        ["converge"] = static (history, _) => [ConvergenceChecker.Check(history), SideAvailability.Check(history)],
        ["counter"] = static (history, _) => [CounterChecker.Check(history)],
        ["lock"] = static (history, options) => [LockChecker.Check(history), Linearizability.Check(history, options.Linearizability)],
        ["register"] = static (history, options) => [Linearizability.Check(history, options.Linearizability)],
        ["session"] = static (history, _) => [CausalChecker.Check(history)],
        ["set"] = static (history, _) => [SetChecker.Check(history)],
        ["siblings"] = static (history, _) => [CausalChecker.Check(history), SideAvailability.Check(history)],
        ["ttl"] = static (history, options) => [TtlChecker.Check(history), Linearizability.Check(history, options.Linearizability)],
    };

    public static IReadOnlyCollection<string> Workloads => Checkers.Keys;

    /// <summary>
    /// The verdicts of the workload's checkers, then <see cref="RunValidity"/>, <see cref="AvailabilityChecker"/> and
    /// <see cref="WriteAvailability"/>.
    /// </summary>
    /// <exception cref="HistoryFormatException">The header names no supported workload, or a checker found the history malformed.</exception>
    public static IReadOnlyList<Verdict> Judge(History history, JudgeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(history);
        options ??= new JudgeOptions();
        var named = options.Workload ?? history.Header.Workload;
        return Checkers.TryGetValue(named?.Split('-')[0] ?? "", out var check)
            ? [.. check(history, options), RunValidity.Check(history, options.Validity), AvailabilityChecker.Check(history), WriteAvailability.Check(history, options.Harmless)]
            : throw new HistoryFormatException(1, "workload", named is null ? $"is missing; known are {string.Join(", ", Checkers.Keys)}" : $"\"{named}\" is none of {string.Join(", ", Checkers.Keys)}");
    }
}
