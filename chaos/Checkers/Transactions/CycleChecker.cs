using System.Text;

namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Checks that list-append transactions are strictly serializable. After Kingsbury and Alvaro, <i>Elle: inferring isolation anomalies from
/// experimental observations</i>, 2020.
///
/// <para>
/// Transactions append unique elements to lists and read whole lists, so every read contains the history of the list before it, and the longest read
/// contains the order of versions. From this follow dependencies that any serial order must respect; a cycle among them proves that there is no
/// serial order. The cost is proportional to the history, while that of <see cref="Linearizability"/> is exponential, and the check names the
/// anomaly:
/// </para>
/// <list type="bullet">
/// <item><c>G0</c>: writes interleaved. <c>G1a</c>, <c>G1b</c>, <c>G1c</c>: aborted, intermediate and circular reads.</item>
/// <item><c>G-single</c>: a read that missed a write it should have seen (read skew). <c>G2</c>: several of those (write skew).</item>
/// <item>The same with <c>-realtime</c>: serializable, but a transaction is ordered before one that had ended when it started, as in a stale
/// read.</item>
/// <item><c>internal</c>, <c>duplicate-append</c>, <c>lost-append</c>, <c>unexpected-element</c>, <c>incompatible-order</c>: anomalies of one
/// transaction or one list, without a graph.</item>
/// </list>
/// <para>
/// An open transaction counts if a read contains one of its appends: then it took effect. The check does not find anomalies of lists that are never
/// read. A workload must read the lists that it writes.
/// </para>
/// </summary>
public static class CycleChecker
{
    private const string Name = "cycle";

    /// <exception cref="HistoryFormatException">An operation is not a list-append transaction, or an element is not unique.</exception>
    public static Verdict Check(History history)
    {
        ArgumentNullException.ThrowIfNull(history);
        var transactions = TransactionReader.Read(history);
        var lists = ListVersions.PerKey(transactions);
        var graph = DependencyGraph.Build(transactions, lists.Values);
        var findings = new FindingList();
        DirectAnomalies.Find(transactions, lists.Values, findings);
        foreach (var (anomaly, cycle) in new CycleSearch(graph).Find())
        {
            findings.Add(Describe(anomaly, cycle, transactions));
        }

        return findings.ToVerdict(Name, new SortedDictionary<string, double>(StringComparer.Ordinal)
        {
            ["transactions"] = transactions.Count,
            ["committed"] = transactions.Count(transaction => transaction.Committed),
            ["lists"] = lists.Count,
            ["dependencies"] = graph.DependencyCount,
        });
    }

    private static Finding Describe(string anomaly, IReadOnlyList<Dependency> cycle, IReadOnlyList<Transaction> transactions)
    {
        var proof = new StringBuilder();
        foreach (var dependency in cycle)
        {
            proof.Append(transactions[dependency.From]).Append('\n');
        }

        foreach (var dependency in cycle)
        {
            proof.Append(Why(dependency, transactions)).Append('\n');
        }

        var round = string.Join(" < ", cycle.Select(dependency => transactions[dependency.From].Name).Append(transactions[cycle[0].From].Name));
        return new Finding(anomaly, $"each of {round} must come before the next")
        {
            Key = cycle.Select(dependency => dependency.Key).FirstOrDefault(key => key is not null),
            Operations = [.. cycle.Select(dependency => transactions[dependency.From].Source)],
            Explanation = proof.ToString(),
        };
    }

    private static string Why(Dependency dependency, IReadOnlyList<Transaction> transactions)
    {
        var from = transactions[dependency.From];
        var to = transactions[dependency.To];
        return dependency.Kind switch
        {
            DependencyKinds.WriteWrite => $"{from.Name} < {to.Name} (ww): {to.Name} appended {dependency.Element} to {dependency.Key} after {from.Name} had appended",
            DependencyKinds.WriteRead => $"{from.Name} < {to.Name} (wr): {to.Name} read {dependency.Element} in {dependency.Key}, which {from.Name} appended",
            DependencyKinds.ReadWrite => $"{from.Name} < {to.Name} (rw): {from.Name} read {dependency.Key} without {dependency.Element}, which {to.Name} appended",
            _ => $"{from.Name} < {to.Name} (rt): {from.Name} was over at index {from.Source.CompletedIndex}, {to.Name} began at index {to.Source.InvokedIndex}",
        };
    }
}
