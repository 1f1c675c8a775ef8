namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Is there one order of all operations that explains every answer and never contradicts real time? For a store of
/// registers that is linearizability (Herlihy and Wing 1990), the promise of a strong keyspace.
///
/// <para><b>How.</b> A register is independent of every other, so each key is judged alone (P-compositionality: Horn and
/// Kroening, <i>Faster linearizability checking via P-compositionality</i>, 2015). Within a key the search follows the
/// events and keeps the set of configurations that can explain what was seen so far: which running operations have
/// already taken effect, and the state they left (Wing and Gong 1993). An operation takes effect just in time, right
/// before the completion of one that needs it, and configurations are remembered so that no two orders with the same
/// result are followed (Lowe, <i>Testing for linearizability</i>, 2017). <see cref="RegisterSearch"/> adds what makes
/// open writes cheap; its comment proves each rule.</para>
///
/// <para><b>The model</b> is get, put, delete, cas and text append on one register that starts absent. A cas refused with
/// <c>cas-mismatch</c> is an observation that the state was another one. Any other fail is left out, as are open reads.
/// An open write may take effect at any time after its invocation or never. A put with a time to live may be followed by
/// its expiry at any later time: whether that time is right is <see cref="TtlChecker"/>'s question. Reads of another
/// level than linearizable are left out.</para>
///
/// <para><b>Limits.</b> The problem is NP-complete. The budget is counted in steps, not seconds, so that a verdict does
/// not depend on the machine; a key that spends it is undecided, which is not a pass.</para>
/// </summary>
public static class Linearizability
{
    private const string Name = "linearizability";

    /// <exception cref="HistoryFormatException">An operation is none of a register's.</exception>
    public static Verdict Check(History history, LinearizabilityOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(history);
        options ??= new LinearizabilityOptions();
        var findings = new FindingList();
        var undecided = new List<string>();
        long steps = 0;
        var keys = RegisterHistory.PerKey(history);
        foreach (var (key, operations) in keys)
        {
            var result = RegisterSearch.RunNarrowFirst(RegisterHistory.Compile(operations, options.InitialValue), options.StepsPerKeyMax);
            steps += result.Steps;
            if (result.Judgement == Judgement.Violation)
            {
                findings.Add(findings.Keeps(CounterExample.Anomaly)
                    ? CounterExample.Explain(key, operations, options)
                    : new Finding(CounterExample.Anomaly, $"key {key} is not linearizable") { Key = key });
            }
            else if (result.Judgement == Judgement.Undecided)
            {
                undecided.Add($"{key}: {result.Reason}");
            }
        }

        var figures = new SortedDictionary<string, double>(StringComparer.Ordinal)
        {
            ["keys"] = keys.Count,
            ["operations"] = keys.Sum(pair => pair.Operations.Count),
            ["steps"] = steps,
            ["undecided-keys"] = undecided.Count,
        };
        var verdict = findings.ToVerdict(Name, figures);
        return undecided.Count == 0 || verdict.Judgement == Judgement.Violation
            ? verdict
            : verdict with { Judgement = Judgement.Undecided, Reason = $"{undecided.Count} keys, first {undecided[0]}" };
    }
}
