using System.Diagnostics;
using KvRaft.Benchmarks.Cells;

namespace KvRaft.Benchmarks.Micro;

/// <summary>
/// The measuring loop of the micro benchmarks: a few rounds of warm-up, then rounds whose median is the result. BenchmarkDotNet is not used because
/// it generates, restores and builds a project per run, which the strict properties of this repository and an offline machine do not allow, and
/// because it cannot measure group commit with many concurrent appenders.
/// </summary>
internal sealed class Rounds(int count)
{
    /// <summary>Enough calls for the tiered compilation of these loops.</summary>
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
