namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Collects findings. All are counted, but only the first of each anomaly are kept: a store that lost a disk violates ten thousand reads in the same
/// way, and a few of them are sufficient.
/// </summary>
public sealed class FindingList
{
    /// <summary>Findings kept per anomaly. Twenty show whether a fault concerns one key, one node or everything.</summary>
    public const int KeptMax = 20;

    private readonly List<Finding> _kept = [];
    private readonly SortedDictionary<string, long> _counts = new(StringComparer.Ordinal);

    public bool IsEmpty => _kept.Count == 0;

    public void Add(Finding finding)
    {
        ArgumentNullException.ThrowIfNull(finding);
        var count = _counts.GetValueOrDefault(finding.Anomaly) + 1;
        _counts[finding.Anomaly] = count;
        if (count <= KeptMax)
        {
            _kept.Add(finding);
        }
    }

    /// <summary>True while findings of <paramref name="anomaly"/> are kept, so that an expensive explanation is useful.</summary>
    public bool Keeps(string anomaly) => _counts.GetValueOrDefault(anomaly) < KeptMax;

    public Verdict ToVerdict(string checker, IReadOnlyDictionary<string, double>? figures = null) => new()
    {
        Checker = checker,
        Judgement = IsEmpty ? Judgement.Valid : Judgement.Violation,
        Findings = _kept,
        Counts = _counts,
        Figures = figures ?? new SortedDictionary<string, double>(StringComparer.Ordinal),
    };
}
