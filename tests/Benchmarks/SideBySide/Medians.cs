using KvRaft.Benchmarks.Cells;

namespace KvRaft.Benchmarks.SideBySide;

/// <summary>Several measurements of the same cell as one: the median of each value.</summary>
internal static class Medians
{
    public static CellResult Of(IReadOnlyCollection<CellResult> cells)
    {
        return cells.First() with
        {
            Seconds = cells.Sum(static cell => cell.Seconds),
            Operations = cells.Sum(static cell => cell.Operations),
            Errors = cells.Sum(static cell => cell.Errors),
            Throughput = Median(static cell => cell.Throughput),
            P50Ms = Median(static cell => cell.P50Ms),
            P95Ms = Median(static cell => cell.P95Ms),
            P99Ms = Median(static cell => cell.P99Ms),
            P999Ms = Median(static cell => cell.P999Ms),
            MaxMs = cells.Max(static cell => cell.MaxMs),
            ServerCpuMicrosPerOperation = Median(static cell => cell.ServerCpuMicrosPerOperation),
            GeneratorCpuMicrosPerOperation = Median(static cell => cell.GeneratorCpuMicrosPerOperation),
            SyncsPerOperation = Median(static cell => cell.SyncsPerOperation),
            PeakMemoryBytes = (long)Median(static cell => cell.PeakMemoryBytes),
            OtherCores = Median(static cell => cell.OtherCores),
            StolenCores = Median(static cell => cell.StolenCores),
        };

        double Median(Func<CellResult, double> figure) => Statistics.Median([.. cells.Select(figure)]);
    }
}
