using KvRaft.Benchmarks.SideBySide;

namespace KvRaft.Benchmarks.Tests;

public class PairLedgerTests
{
    [Fact]
    public void A_pair_counts_only_if_all_of_its_measurements_were_undisturbed()
    {
        var ledger = new PairLedger(wanted: 1, noiseMax: 0.3);

        Assert.False(ledger.Add(new Pair(Some.Cell(other: 0.2, stolen: 0.2), [Some.Cell()])));
        Assert.False(ledger.Add(new Pair(Some.Cell(), [Some.Cell(), Some.Cell(stolen: 0.31)])));
        Assert.True(ledger.IsWanting("put 100 @64"));
        Assert.True(ledger.Add(new Pair(Some.Cell(other: 0.3), [Some.Cell(stolen: 0.1)])));

        Assert.False(ledger.IsWanting("put 100 @64"));
        Assert.Equal(2, ledger.ThrownAway("put 100 @64"));
        Assert.Single(ledger.Of("put 100 @64"));
    }

    [Fact]
    public void Cells_are_counted_apart()
    {
        var ledger = new PairLedger(wanted: 1, noiseMax: 1);
        ledger.Add(new Pair(Some.Cell(name: "one"), [Some.Cell(name: "one")]));

        Assert.False(ledger.IsWanting("one"));
        Assert.True(ledger.IsWanting("other"));
    }

    [Fact]
    public void A_ratio_is_taken_within_its_pair_and_the_median_over_the_pairs()
    {
        // The machine was twice as fast in the second pair; the ratios are not affected.
        Pair[] pairs =
        [
            new(Some.Cell(throughput: 1000), [Some.Cell("a", throughput: 3000)]),
            new(Some.Cell(throughput: 2000), [Some.Cell("a", throughput: 8000)]),
            new(Some.Cell(throughput: 500), [Some.Cell("a", throughput: 2500)]),
        ];

        Assert.Equal(4.0, RatioTable.MedianRatio(pairs, 0, static cell => cell.Throughput));
    }

    [Fact]
    public void A_cell_without_a_baseline_has_no_ratio() =>
        Assert.Null(RatioTable.MedianRatio([new Pair(Some.Cell(), [Some.Cell()])], 0, static cell => cell.SyncsPerOperation));

    [Fact]
    public void The_table_shows_each_pair_and_the_number_of_discarded_ones()
    {
        var ledger = new PairLedger(wanted: 2, noiseMax: 0.3);
        ledger.Add(new Pair(Some.Cell(), [Some.Cell("kvraft typed", throughput: 3000)]));
        ledger.Add(new Pair(Some.Cell(), [Some.Cell("kvraft typed", throughput: 5000)]));
        ledger.Add(new Pair(Some.Cell(other: 1), [Some.Cell("kvraft typed", throughput: 90_000)]));

        var cells = RatioTable.Of(["put 100 @64"], ["kvraft typed"], ledger).Split('\n')[^1].Split('|', StringSplitOptions.TrimEntries);

        Assert.Equal(["kvraft typed, put 100 @64", "2", "1", "3.0 / 5.0", "4.00"], cells[1..6]);
    }
}
