namespace KvRaft.Benchmarks.Cells;

/// <summary>The statistics that the benchmarks need.</summary>
internal static class Statistics
{
    /// <summary>The middle value, or the mean of the two in the middle.</summary>
    /// <exception cref="ArgumentException">The collection is empty.</exception>
    public static double Median(IReadOnlyCollection<double> values) => Quantile(values, 0.5);

    /// <summary>The interquartile range in per cent of the median; 0 if the median is 0.</summary>
    public static double SpreadPercent(IReadOnlyCollection<double> values)
    {
        var median = Median(values);
        return median == 0 ? 0 : 100 * (Quantile(values, 0.75) - Quantile(values, 0.25)) / median;
    }

    /// <summary>Interpolates linearly between two values (type 7 in R).</summary>
    public static double Quantile(IReadOnlyCollection<double> values, double portion)
    {
        if (values.Count == 0)
        {
            throw new ArgumentException("Nothing has no quantiles.", nameof(values));
        }

        var sorted = values.Order().ToArray();
        var place = portion * (sorted.Length - 1);
        var below = (int)place;
        var above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + ((place - below) * (sorted[above] - sorted[below]));
    }
}
