using System.Diagnostics;
using System.Globalization;

namespace KvRaft.Chaos.Measures;

/// <summary>
/// Did the machine give the run enough processor time? If a timer of a tenth of a second fires seconds late, this process, and so very likely every
/// node, had no processor meanwhile. A long queue of foreign processes for the processors has the same effect. An operation that is late on such a
/// machine is undecided, never a pass.
/// A wrong result stays wrong.
/// </summary>
internal sealed class MachineWatch : IAsyncDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(100);

    /// <summary>Two seconds: the longest election timeout of the nodes. A process that was stalled for longer cannot measure the nodes.</summary>
    private static readonly TimeSpan StallMax = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Eight runnable threads per core, over a minute. A cluster of five alone reached three or four; two of them beside a build reached fifteen, where a node
    /// needed 35 s to start.
    /// </summary>
    private const double LoadMax = 8;

    private readonly CancellationTokenSource _end = new();
    private readonly Task _running;

    public MachineWatch() => _running = RunAsync();

    /// <summary>The greatest delay of the timer.</summary>
    public TimeSpan WorstStall { get; private set; }

    /// <summary>The greatest load average of a minute, for each core.</summary>
    public double WorstLoad { get; private set; }

    /// <summary>Why a delay cannot be attributed to the store; null if it can.</summary>
    public string? WhyStarved =>
        WorstStall > StallMax ? string.Create(CultureInfo.InvariantCulture, $"the machine was stalled for {WorstStall.TotalSeconds:0.0} s")
        : WorstLoad > LoadMax ? string.Create(CultureInfo.InvariantCulture, $"{WorstLoad:0.0} runnable threads per core for a minute")
        : null;

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _running;
        _end.Dispose();
    }

    private static double Load() =>
        double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture) / Environment.ProcessorCount;

    private async Task RunAsync()
    {
        while (!_end.IsCancellationRequested)
        {
            var before = Stopwatch.GetTimestamp();
            await Task.Delay(Period);
            var stall = Stopwatch.GetElapsedTime(before) - Period;
            WorstStall = stall > WorstStall ? stall : WorstStall;
            WorstLoad = Math.Max(WorstLoad, Load());
        }
    }
}
