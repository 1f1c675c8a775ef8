using KvRaft.Chaos.Checkers;

namespace KvRaft.Checkers.Tests.Support;

internal static class Convictions
{
    /// <summary>The names of the anomalies, each once.</summary>
    public static string[] Anomalies(this Verdict verdict) =>
        [.. verdict.Findings.Select(finding => finding.Anomaly).Distinct().Order(StringComparer.Ordinal)];

    public static HistoryBuilder WithParameters(this HistoryBuilder builder, params (string Name, long Value)[] parameters)
    {
        builder.Header = new HistoryHeader { Parameters = parameters.ToDictionary(pair => pair.Name, pair => pair.Value) };
        return builder;
    }
}
