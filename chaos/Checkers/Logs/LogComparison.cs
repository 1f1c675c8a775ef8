namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Do the nodes' own logs agree? They are the store's word against itself, and show what no client may have come by.
/// <list type="bullet">
/// <item><c>log-matching</c>: two records of one group with the same index and term differ. In a term one leader fills each index
/// once, so either two led in it or somebody wrote who did not lead. It counts also where one of them was cut later.</item>
/// <item><c>committed-differs</c>: at an index that every replica has applied, the logs end up with different entries.</item>
/// </list>
/// </summary>
public static class LogComparison
{
    private const string Name = "logs";

    /// <param name="records">Of all nodes, each node's in the order in which they were written.</param>
    /// <param name="applied">Of a group, the index that all its replicas have applied; groups that are missing are compared by the first rule only.</param>
    public static Verdict Check(IReadOnlyCollection<LogRecord> records, IReadOnlyDictionary<int, long> applied)
    {
        ArgumentNullException.ThrowIfNull(records);
        ArgumentNullException.ThrowIfNull(applied);
        var findings = new FindingList();
        foreach (var place in records.GroupBy(record => (record.Group, record.Index, record.Term)))
        {
            Report("log-matching", place, findings);
        }

        var final = records.GroupBy(record => (record.Node, record.Group, record.Index)).Select(versions => versions.Last());
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
