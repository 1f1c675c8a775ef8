using System.Globalization;
using System.Text;

namespace KvRaft.Chaos.Checkers;

/// <summary>What one checker says about one history: the judgement, the proofs and the figures it measured on the way.</summary>
public sealed record Verdict
{
    /// <summary>The checker's name in lower case with hyphens.</summary>
    public required string Checker { get; init; }

    public required Judgement Judgement { get; init; }

    /// <summary>The violations found, at most <see cref="FindingList.KeptMax"/> of them; empty unless convicted.</summary>
    public IReadOnlyList<Finding> Findings { get; init; } = [];

    /// <summary>How often each anomaly was found, also beyond the findings kept.</summary>
    public IReadOnlyDictionary<string, long> Counts { get; init; } = new SortedDictionary<string, long>(StringComparer.Ordinal);

    /// <summary>Measurements, named with their unit last.</summary>
    public IReadOnlyDictionary<string, double> Figures { get; init; } = new SortedDictionary<string, double>(StringComparer.Ordinal);

    /// <summary>Why it is undecided, or what of it is besides a violation; <c>null</c> otherwise.</summary>
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
