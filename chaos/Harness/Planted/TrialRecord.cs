using System.Globalization;

namespace KvRaft.Chaos.Planted;

/// <summary>One attempt at a planted bug.</summary>
/// <param name="Took">All its runs together.</param>
/// <param name="By">The judges that convicted it; none: it was not found.</param>
internal sealed record Trial(TimeSpan Took, IReadOnlyList<string> By);

/// <summary>All attempts at one planted bug.</summary>
internal sealed class TrialRecord(PlantedKind kind)
{
    private readonly List<Trial> _trials = [];

    /// <summary>At least once, and in nine of ten trials.</summary>
    public bool IsConvicted => Convictions is > 0 and var count && count * 10 >= _trials.Count * 9;

    /// <summary>It was tried, and not convicted often enough.</summary>
    public bool IsAtLarge => _trials.Count > 0 && !IsConvicted;

    private int Convictions => _trials.Count(static trial => trial.By.Count > 0);

    public void Add(Trial trial) => _trials.Add(trial);

    public override string ToString() => _trials.Count == 0
        ? $"{"NOT RUN",-10} {kind.Name}"
        : string.Create(
            CultureInfo.InvariantCulture,
            $"{(IsConvicted ? "CONVICTED" : "AT LARGE"),-10} {kind.Name} in {kind.Scenario}: {Convictions} of {_trials.Count}, longest {_trials.Max(static trial => trial.Took).TotalSeconds:0} s{By}");

    private string By => _trials.SelectMany(static trial => trial.By).Distinct().Order(StringComparer.Ordinal).ToArray() is { Length: > 0 } names ? $", by {string.Join(", ", names)}" : "";
}
