using KvRaft.Benchmarks.SideBySide;

namespace KvRaft.Benchmarks.Tests;

public sealed class RegressionGuardTests
{
    private static readonly RecordedRatio Put = new("kvraft typed", "put 100 @64", 2);

    [Theory]
    [InlineData(4, false)]
    [InlineData(1, false)]
    [InlineData(0.99, true)]
    public void A_fall_by_more_than_half_is_a_regression(double now, bool isFall) =>
        Assert.Equal(isFall ? [Put] : [], new RegressionGuard([Put]).Falls([Put with { Throughput = now }]));

    [Fact]
    public void A_recorded_figure_that_is_not_measured_is_a_regression()
    {
        var guard = new RegressionGuard([Put]);

        Assert.Equal([Put], guard.Falls([Put with { System = "kvraft unary" }, Put with { Cell = "get 100 @64" }]));
        Assert.Equal(["kvraft typed, put 100 @64", "2.00", "-", "-"], guard.Table([]).Split('\n')[^1].Split('|', StringSplitOptions.TrimEntries)[1..5]);
    }

    [Fact]
    public void The_ratios_of_a_run_are_those_of_its_pairs()
    {
        var ledger = new PairLedger(wanted: 1, noiseMax: 1);
        ledger.Add(new Pair(Some.Cell(throughput: 1000), [Some.Cell("a", throughput: 500), Some.Cell("b", throughput: 3000)]));

        Assert.Equal(
            [new RecordedRatio("a", "put 100 @64", 0.5), new RecordedRatio("b", "put 100 @64", 3)],
            RegressionGuard.Of(["put 100 @64", "never measured"], ["a", "b"], ledger));
    }

    [Fact]
    public void A_written_record_is_read_back_and_another_file_is_refused_by_name()
    {
        var file = Path.GetTempFileName();
        try
        {
            RegressionGuard.Write(file, [Put]);
            Assert.Empty(RegressionGuard.Read(file).Falls([Put]));
            File.WriteAllText(file, "[]");
            Assert.Contains(file, Assert.Throws<ArgumentException>(() => RegressionGuard.Read(file)).Message, StringComparison.Ordinal);
            File.WriteAllText(file, "nothing");
            Assert.Contains(file, Assert.Throws<ArgumentException>(() => RegressionGuard.Read(file)).Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
