namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Checks linearizability (Herlihy and Wing 1990), the guarantee of a strong keyspace: there must be an order of all operations that explains every
/// answer and respects real time.
///
/// <para>
/// <b>Algorithm.</b> Registers are independent, so each key is judged alone (P-compositionality: Horn and Kroening, <i>Faster linearizability
/// checking via P-compositionality</i>, 2015). Within a key the search follows the events and keeps the set of configurations that can explain the
/// events so far: the running operations that have already taken effect, and the resulting state (Wing and Gong 1993). An operation takes effect as
/// late as possible, right before the completion of an operation that needs it, and configurations are stored so that of two orders with the same
/// result only one is followed (Lowe, <i>Testing for linearizability</i>, 2017). <see cref="RegisterSearch"/> adds rules that make open writes cheap;
/// its comment proves each rule.
/// </para>
///
/// <para>
/// <b>Model.</b> Get, put, delete, cas and text append on one register that is initially absent. A cas that was refused with <c>cas-mismatch</c> is
/// an observation that the state was a different one. Any other fail is ignored, and so are open reads. An open write may take effect at any time
/// after its invocation or never. A put with a time to live may be followed by its expiry at any later time: <see cref="TtlChecker"/> checks that
/// time. Reads of a level other than linearizable are ignored.
/// </para>
///
/// <para>
/// <b>Limits.</b> The problem is NP-complete. The budget is counted in steps and configurations, not in seconds and bytes, so that a verdict does not
/// depend on the machine; a key that exhausts it is undecided, which is not a pass. A caller may also limit the time. Keys are judged one after
/// another, so the peak memory is that of one key; counter-examples share one budget, because a faulty store violates many keys in the same way.
/// </para>
/// </summary>
public static class Linearizability
{
    private const string Name = "linearizability";

    /// <exception cref="HistoryFormatException">An operation is not an operation of a register.</exception>
    public static Verdict Check(History history, LinearizabilityOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(history);
        options ??= new LinearizabilityOptions();
        var violated = new List<(string Key, List<Operation> Operations, long Steps)>();
        var undecided = new List<string>();
        long steps = 0;
        var budget = new SearchBudget(options.StepsPerKeyMax, options.ConfigurationsMax, options.IsOver);
        var keys = RegisterHistory.PerKey(history);
        foreach (var (key, operations) in keys)
        {
            if (options.IsOver?.Invoke() == true)
            {
                undecided.Add($"{key}: the time is over");
                continue;
            }

            var result = RegisterSearch.RunNarrowFirst(RegisterHistory.Compile(operations, options.InitialValue), budget);
            steps += result.Steps;
            if (result.Judgement == Judgement.Violation)
            {
                violated.Add((key, operations, result.Steps));
            }
            else if (result.Judgement == Judgement.Undecided)
            {
                undecided.Add($"{key}: {result.Reason}");
            }
        }

        // All keys are judged before the first counter-example is shrunk, which may take longer.
        var (findings, shrinking) = Explain(violated, options);
        var figures = new SortedDictionary<string, double>(StringComparer.Ordinal)
        {
            ["keys"] = keys.Count,
            ["operations"] = keys.Sum(pair => pair.Operations.Count),
            ["steps"] = steps,
            ["undecided-keys"] = undecided.Count,
            ["shrink-steps"] = shrinking.Spent,
        };
        var verdict = findings.ToVerdict(Name, figures);
        return undecided.Count == 0 ? verdict : verdict with
        {
            Judgement = verdict.Judgement == Judgement.Violation ? Judgement.Violation : Judgement.Undecided,
            Reason = $"{undecided.Count} of {keys.Count} keys are undecided, first {undecided[0]}",
        };
    }

    private static (FindingList Findings, ShrinkBudget Spent) Explain(List<(string Key, List<Operation> Operations, long Steps)> violated, LinearizabilityOptions options)
    {
        var (findings, budget) = (new FindingList(), new ShrinkBudget(options));
        foreach (var (key, operations, steps) in violated)
        {
            findings.Add(findings.Keeps(CounterExample.Anomaly) && !budget.IsSpent
                ? CounterExample.Explain(key, operations, steps, options.InitialValue, budget)
                : new Finding(CounterExample.Anomaly, $"key {key} is not linearizable") { Key = key });
        }

        return (findings, budget);
    }
}
