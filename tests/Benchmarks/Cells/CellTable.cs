namespace KvRaft.Benchmarks.Cells;

/// <summary>Formats cells for people.</summary>
internal static class CellTable
{
    private const double BytesPerMiB = 1 << 20;

    public static string Of(IEnumerable<CellResult> cells)
    {
        var table = new TextTable(
            "cell", "ops/s", "p50 ms", "p95 ms", "p99 ms", "p99.9 ms", "server µs/op", "load µs/op", "syncs/op", "peak MiB", "other cores", "stolen", "errors");
        foreach (var cell in cells)
        {
            table.Add(
                $"{cell.System}, {cell.Cell}",
                TextTable.Number(cell.Throughput),
                TextTable.Number(cell.P50Ms),
                TextTable.Number(cell.P95Ms),
                TextTable.Number(cell.P99Ms),
                TextTable.Number(cell.P999Ms),
                TextTable.Number(cell.ServerCpuMicrosPerOperation),
                TextTable.Number(cell.GeneratorCpuMicrosPerOperation),
                TextTable.Number(cell.SyncsPerOperation),
                TextTable.Number(cell.PeakMemoryBytes / BytesPerMiB),
                TextTable.Number(cell.OtherCores),
                TextTable.Number(cell.StolenCores),
                $"{cell.Errors}");
        }

        return table.ToString();
    }
}
