using System.Globalization;
using KvRaft.Benchmarks.Cells;

namespace KvRaft.Benchmarks.SideBySide;

/// <summary>
/// Every subject relative to the baseline: throughput pair by pair, then the medians of the ratios. Below 1 is better in all columns except
/// throughput.
/// </summary>
internal static class RatioTable
{
    private const string None = "-";

    public static string Of(IEnumerable<string> cells, IReadOnlyList<string> subjects, PairLedger ledger)
    {
        var table = new TextTable(
            "cell", "pairs", "too noisy", "throughput × per pair", "throughput ×", "p50 ×", "p99 ×", "p99.9 ×", "server CPU ×", "syncs ×", "memory ×");
        foreach (var cell in cells)
        {
            var pairs = ledger.Of(cell);
            for (var subject = 0; subject < subjects.Count; subject++)
            {
                table.Add(
                    $"{subjects[subject]}, {cell}",
                    $"{pairs.Count}",
                    $"{ledger.ThrownAway(cell)}",
                    PerPair(pairs, subject),
                    Ratio(pairs, subject, static result => result.Throughput),
                    Ratio(pairs, subject, static result => result.P50Ms),
                    Ratio(pairs, subject, static result => result.P99Ms),
                    Ratio(pairs, subject, static result => result.P999Ms),
                    Ratio(pairs, subject, static result => result.ServerCpuMicrosPerOperation),
                    Ratio(pairs, subject, static result => result.SyncsPerOperation),
                    Ratio(pairs, subject, static result => result.PeakMemoryBytes));
            }
        }

        return table.ToString();
    }

    /// <summary>The median over the pairs that have a ratio; null if no pair has one.</summary>
    internal static double? MedianRatio(IReadOnlyList<Pair> pairs, int subject, Func<CellResult, double> figure)
    {
        var ratios = pairs.Select(pair => pair.Ratio(subject, figure)).Where(double.IsFinite).ToArray();
        return ratios.Length == 0 ? null : Statistics.Median(ratios);
    }

    private static string PerPair(IReadOnlyList<Pair> pairs, int subject) => pairs.Count == 0
        ? None
        : string.Join(" / ", pairs.Select(pair => pair.Ratio(subject, static result => result.Throughput).ToString("0.0", CultureInfo.InvariantCulture)));

    private static string Ratio(IReadOnlyList<Pair> pairs, int subject, Func<CellResult, double> figure) =>
        MedianRatio(pairs, subject, figure)?.ToString("0.00", CultureInfo.InvariantCulture) ?? None;
}
