namespace KvRaft.Chaos.Measures;

/// <summary>The effects of a run on the cluster. Only the nemesis writes it; it is read afterwards.</summary>
internal sealed class RunTotals
{
    private readonly List<string> _complaints = [];
    private readonly SortedDictionary<string, int> _faults = new(StringComparer.Ordinal);

    public int Kills { get; set; }

    public int PowerCuts { get; set; }

    public int PowerCutsOfAll { get; set; }

    /// <summary>Acts of nodes that are wrong whatever the history contains, such as not stopping on request.</summary>
    public IReadOnlyList<string> Complaints => _complaints;

    /// <summary>Faults that were seen active, by name.</summary>
    public IReadOnlyDictionary<string, int> Faults => _faults;

    public int FaultCount => _faults.Values.Sum();

    /// <summary>Once each.</summary>
    public void Complain(string complaint)
    {
        if (!_complaints.Contains(complaint))
        {
            _complaints.Add(complaint);
        }
    }

    public void Count(string fault) => _faults[fault] = _faults.GetValueOrDefault(fault) + 1;
}
