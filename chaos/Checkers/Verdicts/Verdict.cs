using System.Globalization;
using System.Text;

namespace KvRaft.Chaos.Checkers;

/// <summary>The result of one checker for one history: the judgement, the proofs and the measurements.</summary>
public sealed record Verdict
{
    /// <summary>The checker's name in lower case with hyphens.</summary>
    public required string Checker { get; init; }

    public required Judgement Judgement { get; init; }

    /// <summary>The violations, at most <see cref="FindingList.KeptMax"/> of them; empty without a violation.</summary>
    public IReadOnlyList<Finding> Findings { get; init; } = [];

    /// <summary>The number of findings of each anomaly, including those that are not kept.</summary>
    public IReadOnlyDictionary<string, long> Counts { get; init; } = new SortedDictionary<string, long>(StringComparer.Ordinal);

    /// <summary>Measurements; each name ends with its unit.</summary>
    public IReadOnlyDictionary<string, double> Figures { get; init; } = new SortedDictionary<string, double>(StringComparer.Ordinal);

    /// <summary>The reason why it is undecided, or the undecided part besides a violation; otherwise <c>null</c>.</summary>
    public string? Reason { get; init; }

    public bool IsValid => Judgement == Judgement.Valid;

    /// <summary>The exit code of a command that reports this verdict: 0 valid, 1 violation, 3 undecided (2 is malformed input).</summary>
    public int ExitCode => Judgement switch
    {
        Judgement.Valid => 0,
        Judgement.Violation => 1,
        _ => 3,
    };

    /// <summary>The verdict for a terminal: one line, then every finding with its explanation.</summary>
    public string ToText()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Checker}: {VerdictJson.NameOf(Judgement)}");
        if (Reason is not null)
        {
            text.Append(CultureInfo.InvariantCulture, $" ({Reason})");
        }

        text.Append('\n');
        foreach (var finding in Findings)
        {
            text.Append(CultureInfo.InvariantCulture, $"  {finding.Anomaly}: {finding.Message}\n");
            foreach (var line in finding.Explanation?.TrimEnd('\n').Split('\n') ?? [])
            {
                text.Append("    ").Append(line).Append('\n');
            }
        }

        return text.ToString();
    }

    /// <summary>The verdict as one JSON object; see <see cref="VerdictJson"/>.</summary>
    public string ToJson() => VerdictJson.Render(this);
}
