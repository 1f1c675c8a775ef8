using System.Diagnostics;
using System.Globalization;

namespace KvRaft.Chaos.Measures;

/// <summary>
/// Did the machine let us run at all? A timer of a tenth of a second that comes seconds late says that this process, and so very likely every
/// node, had no processor meanwhile; so does a queue for the processors that others fill. What was not done in time on such a machine is nobody's fault: it is undecided, never a pass.
/// What was done wrong stays wrong.
/// </summary>
internal sealed class MachineWatch : IAsyncDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(100);

    /// <summary>Two seconds: the longest election timeout of the nodes; a process that stood still for longer was no witness.</summary>
    private static readonly TimeSpan StallMax = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Eight threads a core that want to run, over a minute. A cluster of five alone was seen at three or four; two of them beside a build at fifteen, where a node
    /// needed 35 s to start.
    /// </summary>
    private const double LoadMax = 8;

    private readonly CancellationTokenSource _end = new();
    private readonly Task _running;

    public MachineWatch() => _running = RunAsync();

    /// <summary>How late the timer was at worst.</summary>
    public TimeSpan WorstStall { get; private set; }

    /// <summary>The greatest load average of a minute, for each core.</summary>
    public double WorstLoad { get; private set; }

    /// <summary>Why nobody can be blamed for being late; null if somebody can.</summary>
    public string? WhyStarved =>
        WorstStall > StallMax ? string.Create(CultureInfo.InvariantCulture, $"the machine stood still for {WorstStall.TotalSeconds:0.0} s")
        : WorstLoad > LoadMax ? string.Create(CultureInfo.InvariantCulture, $"{WorstLoad:0.0} threads wanted each core for a minute")
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
