using CsCheck;
using KvRaft.Benchmarks.Cells;

namespace KvRaft.Benchmarks.Tests;

public class StatisticsTests
{
    [Theory]
    [InlineData(new[] { 3.0 }, 3.0)]
    [InlineData(new[] { 9.0, 1.0, 4.0 }, 4.0)]
    [InlineData(new[] { 4.0, 1.0, 2.0, 9.0 }, 3.0)]
    public void The_median_is_the_middle_or_the_mean_of_the_two_in_the_middle(double[] values, double median) =>
        Assert.Equal(median, Statistics.Median(values));

    [Fact]
    public void Half_of_the_values_are_on_each_side_of_the_median() =>
        Gen.Double[-1e6, 1e6].Array[1, 30].Sample(values =>
        {
            var median = Statistics.Median(values);
            Assert.True(values.Count(value => value <= median) * 2 >= values.Length);
            Assert.True(values.Count(value => value >= median) * 2 >= values.Length);
        });

    [Fact]
    public void The_spread_is_the_distance_of_the_quartiles_over_the_median() =>
        Assert.Equal(100 * (4.0 - 2.0) / 3.0, Statistics.SpreadPercent([1, 2, 3, 4, 5]), 9);

    [Fact]
    public void Nothing_has_no_median() => Assert.Throws<ArgumentException>(() => Statistics.Median([]));
}
