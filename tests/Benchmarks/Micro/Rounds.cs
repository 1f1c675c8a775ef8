using System.Diagnostics;
using KvRaft.Benchmarks.Cells;

namespace KvRaft.Benchmarks.Micro;

/// <summary>
/// The measuring loop of the micro benchmarks: a few rounds to warm up, then rounds whose median counts. A loop of our own and not BenchmarkDotNet
/// because that generates, restores and builds a project per run, which this repository's strict properties and an
/// offline machine refuse, and because group commit is measured with many appenders at once, for which it has no notion.
/// </summary>
internal sealed class Rounds(int count)
{
    /// <summary>Enough calls for tiered compilation to settle on the loops used here.</summary>
    private const int WarmUpRounds = 3;

    public MicroResult Measure(string name, int operations, Action round, Func<string>? note = null) =>
        Summarise(name, operations, RunAsync(operations, () => { round(); return ValueTask.CompletedTask; }).GetAwaiter().GetResult(), note);

    public async Task<MicroResult> MeasureAsync(string name, int operations, Func<ValueTask> round, Func<string>? note = null) =>
        Summarise(name, operations, await RunAsync(operations, round), note);

    private static MicroResult Summarise(string name, int operations, (double[] Micros, double Allocated) rounds, Func<string>? note) => new(
        name,
        operations,
        Statistics.Median(rounds.Micros),
        Statistics.SpreadPercent(rounds.Micros),
        rounds.Allocated,
        note?.Invoke() ?? "");

    private async Task<(double[] Micros, double Allocated)> RunAsync(int operations, Func<ValueTask> round)
    {
        for (var i = 0; i < WarmUpRounds; i++)
        {
            await round();
        }

        var micros = new double[count];
        var allocatedBefore = GC.GetTotalAllocatedBytes(precise: true);
        for (var i = 0; i < count; i++)
        {
            var started = Stopwatch.GetTimestamp();
            await round();
            micros[i] = Stopwatch.GetElapsedTime(started).TotalMicroseconds / operations;
        }

        return (micros, (double)(GC.GetTotalAllocatedBytes(precise: true) - allocatedBefore) / count / operations);
    }
}
