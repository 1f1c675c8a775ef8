namespace KvRaft.Chaos.Measures;

/// <summary>What a run did to the cluster. Written by the nemesis alone, read after it.</summary>
internal sealed class RunTotals
{
    private readonly List<string> _complaints = [];
    private readonly SortedDictionary<string, int> _faults = new(StringComparer.Ordinal);

    public int Kills { get; set; }

    public int PowerCuts { get; set; }

    public int PowerCutsOfAll { get; set; }

    /// <summary>Things nodes did that are wrong whatever the history says, such as not stopping when told to.</summary>
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
