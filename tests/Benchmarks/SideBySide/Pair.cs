using KvRaft.Benchmarks.Cells;

namespace KvRaft.Benchmarks.SideBySide;

/// <summary>One cell measured on every system within one round, so that all met the same machine.</summary>
/// <param name="Baseline">What the others are compared with.</param>
/// <param name="Subjects">The others, in the order of the table.</param>
internal sealed record Pair(CellResult Baseline, IReadOnlyList<CellResult> Subjects)
{
    public string Cell => Baseline.Cell;

    /// <summary>The worst of its measurements, in cores.</summary>
    public double Noise => Subjects.Prepend(Baseline).Max(static cell => cell.OtherCores + cell.StolenCores);

    /// <summary>A figure of one subject over the baseline's. Not a number if the baseline's is 0, and then no ratio.</summary>
    public double Ratio(int subject, Func<CellResult, double> figure) => figure(Subjects[subject]) / figure(Baseline);
}
