namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Checks that the logs of the nodes agree. The logs are evidence that is independent of the clients, and can show faults that no client observed.
/// <list type="bullet">
/// <item><c>log-matching</c>: two records of one group with the same index and term differ. In a term the leader writes each index once, so either
/// there were two leaders in that term, or a node that was not the leader wrote. The rule also applies if one of the records was truncated
/// later.</item>
/// <item><c>committed-differs</c>: at an index that every replica has applied, the final entries of the logs differ. Entries that a replica discarded count only for the first
/// rule: a deposed leader keeps an entry that was never committed until its log begins anew at a checkpoint.</item>
/// </list>
/// </summary>
public static class LogComparison
{
    private const string Name = "logs";

    /// <param name="records">The records of all nodes, those of each node in the order of writing.</param>
    /// <param name="applied">For a group, the index that all its replicas have applied; for other groups only the first rule applies.</param>
    public static Verdict Check(IReadOnlyCollection<LogRecord> records, IReadOnlyDictionary<int, long> applied)
    {
        ArgumentNullException.ThrowIfNull(records);
        ArgumentNullException.ThrowIfNull(applied);
        var findings = new FindingList();
        foreach (var place in records.GroupBy(record => (record.Group, record.Index, record.Term)))
        {
            Report("log-matching", place, findings);
        }

        var final = records.Where(static record => !record.IsDiscarded).GroupBy(record => (record.Node, record.Group, record.Index)).Select(versions => versions.Last());
        foreach (var place in final.Where(record => record.Index <= applied.GetValueOrDefault(record.Group)).GroupBy(record => (record.Group, record.Index)))
        {
            Report("committed-differs", place, findings);
        }

        return findings.ToVerdict(Name, new SortedDictionary<string, double>(StringComparer.Ordinal)
        {
            ["records"] = records.Count,
            ["groups"] = records.Select(record => record.Group).Distinct().Count(),
        });
    }

    private static void Report(string anomaly, IEnumerable<LogRecord> place, FindingList findings)
    {
        var versions = place.GroupBy(record => (record.Term, record.Content)).ToList();
        if (versions.Count > 1)
        {
            var first = versions[0].First();
            var told = string.Join("; ", versions.Select(version => $"{string.Join(',', version.Select(record => record.Node).Distinct())} {version.Key.Content} of term {version.Key.Term}"));
            findings.Add(new Finding(anomaly, $"group {first.Group}, index {first.Index}: {told}"));
        }
    }
}
