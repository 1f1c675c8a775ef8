using KvRaft.Benchmarks.Cells;

namespace KvRaft.Benchmarks.SideBySide;

/// <summary>One cell measured on every system within one round, so that all had the same conditions.</summary>
/// <param name="Baseline">The measurement with which the others are compared.</param>
/// <param name="Subjects">The others, in the order of the table.</param>
internal sealed record Pair(CellResult Baseline, IReadOnlyList<CellResult> Subjects)
{
    public string Cell => Baseline.Cell;

    /// <summary>The maximum of its measurements, in cores.</summary>
    public double Noise => Subjects.Prepend(Baseline).Max(static cell => cell.OtherCores + cell.StolenCores);

    /// <summary>The ratio of a value of one subject to that of the baseline. NaN if the baseline's value is 0; then there is no ratio.</summary>
    public double Ratio(int subject, Func<CellResult, double> figure) => figure(Subjects[subject]) / figure(Baseline);
}
