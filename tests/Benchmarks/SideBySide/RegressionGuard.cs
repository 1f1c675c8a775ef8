using System.Globalization;
using System.Text.Json;
using KvRaft.Benchmarks.Cells;

namespace KvRaft.Benchmarks.SideBySide;

/// <summary>A throughput relative to the baseline's, as measured in one run.</summary>
internal sealed record RecordedRatio(string System, string Cell, double Throughput);

/// <summary>
/// Compares ratios with recorded ones. Machines are noisy and different, so only a fall by more than half is a regression: that is a lost batch or an
/// additional sync, not noise.
/// </summary>
internal sealed class RegressionGuard(IReadOnlyList<RecordedRatio> recorded)
{
    /// <summary>The part of a recorded ratio that must remain.</summary>
    public const double ShareMin = 0.5;

    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    /// <exception cref="IOException">There is no such file.</exception>
    /// <exception cref="ArgumentException">It does not contain ratios.</exception>
    public static RegressionGuard Read(string file)
    {
        try
        {
            return new RegressionGuard(
                JsonSerializer.Deserialize<RecordedRatio[]>(File.ReadAllText(file), Format) is { Length: > 0 } ratios
                    ? ratios
                    : throw new ArgumentException($"{file}: no ratio is recorded there; --record writes it"));
        }
        catch (JsonException error)
        {
            throw new ArgumentException($"{file}: {error.Message}", error);
        }
    }

    public static void Write(string file, IEnumerable<RecordedRatio> ratios) => File.WriteAllText(file, JsonSerializer.Serialize(ratios, Format) + "\n");

    /// <summary>The ratios of a run; a cell without a pair has none.</summary>
    public static IReadOnlyList<RecordedRatio> Of(IEnumerable<string> cells, IReadOnlyList<string> subjects, PairLedger ledger) =>
    [
        .. from cell in cells
           from subject in Enumerable.Range(0, subjects.Count)
           let ratio = RatioTable.MedianRatio(ledger.Of(cell), subject, static result => result.Throughput)
           where ratio is not null
           select new RecordedRatio(subjects[subject], cell, ratio.Value),
    ];

    /// <summary>The recorded ratios that fell, or were not measured now.</summary>
    public IReadOnlyList<RecordedRatio> Falls(IReadOnlyList<RecordedRatio> now) =>
        [.. recorded.Where(old => Find(now, old) is not { } found || found.Throughput < old.Throughput * ShareMin)];

    /// <summary>The recorded and the current ratios, side by side.</summary>
    public string Table(IReadOnlyList<RecordedRatio> now)
    {
        var table = new TextTable("throughput over the baseline's", "recorded", "now", "now / recorded");
        foreach (var old in recorded)
        {
            var found = Find(now, old)?.Throughput;
            table.Add($"{old.System}, {old.Cell}", Text(old.Throughput), found is null ? "-" : Text(found.Value), found is null ? "-" : Text(found.Value / old.Throughput));
        }

        return table.ToString();
    }

    private static RecordedRatio? Find(IReadOnlyList<RecordedRatio> now, RecordedRatio old) =>
        now.FirstOrDefault(ratio => (ratio.System, ratio.Cell) == (old.System, old.Cell));

    private static string Text(double ratio) => ratio.ToString("0.00", CultureInfo.InvariantCulture);
}
