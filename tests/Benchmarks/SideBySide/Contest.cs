using KvRaft.Benchmarks.Cells;
using KvRaft.Benchmarks.Load;

namespace KvRaft.Benchmarks.SideBySide;

/// <summary>
/// Runs rounds until every cell has its undisturbed pairs, or the maximum number of rounds is reached. In each round one cluster after the other is
/// started, warmed up and measured alone, cell by cell; the other cluster does not run, so it cannot disturb. The first system alternates, so that a
/// machine whose speed changes favours neither.
/// </summary>
internal sealed class Contest(
    Contestant baseline, Contestant subject, IReadOnlyList<Workload> workloads, Dataset data, TimeSpan start, PairLedger ledger, JsonLines lines)
{
    public async Task RunAsync(int roundsMax, CancellationToken cancellationToken)
    {
        for (var round = 0; round < roundsMax; round++)
        {
            var wanted = workloads.Where(workload => ledger.IsWanting(workload.Name)).ToArray();
            if (wanted.Length == 0)
            {
                return;
            }

            await Console.Error.WriteLineAsync($"Round {round + 1} of at most {roundsMax}: {wanted.Length} cells.");
            await RoundAsync(wanted, isBaselineFirst: round % 2 == 0, cancellationToken);
        }
    }

    private async Task RoundAsync(IReadOnlyList<Workload> wanted, bool isBaselineFirst, CancellationToken cancellationToken)
    {
        var first = await MeasureAsync(isBaselineFirst ? baseline : subject, wanted, cancellationToken);
        var second = await MeasureAsync(isBaselineFirst ? subject : baseline, wanted, cancellationToken);
        var (ofBaseline, ofSubject) = isBaselineFirst ? (first, second) : (second, first);
        for (var cell = 0; cell < wanted.Count; cell++)
        {
            var pair = new Pair(ofBaseline[cell][0], ofSubject[cell]);
            var counts = ledger.Add(pair);
            lines.Add("pair", new { pair.Cell, Counts = counts, pair.Noise, pair.Baseline, pair.Subjects });
            await Console.Error.WriteLineAsync(
                $"{pair.Cell}: {string.Join(", ", pair.Subjects.Prepend(pair.Baseline).Select(static result => $"{result.System} {TextTable.Number(result.Throughput)}/s"))}"
                + (counts ? "" : $"; thrown away, others used {TextTable.Number(pair.Noise)} cores"));
        }
    }

    /// <summary>For each cell, one result per store.</summary>
    private async Task<IReadOnlyList<IReadOnlyList<CellResult>>> MeasureAsync(
        Contestant contestant, IReadOnlyList<Workload> wanted, CancellationToken cancellationToken)
    {
        await using var cluster = await contestant.Start(cancellationToken);
        var stores = contestant.Stores.Select(open => open(cluster)).ToArray();
        try
        {
            foreach (var store in stores)
            {
                await WarmUp.RunAsync(store, data, wanted.Max(static workload => workload.ValueBytes), start, cancellationToken);
            }

            var results = new List<IReadOnlyList<CellResult>>();
            foreach (var workload in wanted)
            {
                var ofCell = new List<CellResult>();
                foreach (var store in stores)
                {
                    ofCell.Add(await CellRunner.RunAsync(cluster, store, workload, data, cancellationToken));
                }

                results.Add(ofCell);
            }

            return results;
        }
        finally
        {
            foreach (var store in stores)
            {
                await store.DisposeAsync();
            }
        }
    }
}
