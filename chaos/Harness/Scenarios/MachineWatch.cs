using System.Diagnostics;

namespace KvRaft.Chaos.Scenarios;

/// <summary>
/// Did the machine let us run at all? A timer of a tenth of a second that comes seconds late says that this process, and so very likely every
/// node, had no processor meanwhile. What was not done in time on such a machine is nobody's fault: it is undecided, never a pass.
/// What was done wrong stays wrong.
/// </summary>
internal sealed class MachineWatch : IAsyncDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(100);

    /// <summary>Two seconds: the longest election timeout of the nodes; a process that stood still for longer was no witness.</summary>
    private static readonly TimeSpan StallMax = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource _end = new();
    private readonly Task _running;

    public MachineWatch() => _running = RunAsync();

    /// <summary>How late the timer was at worst.</summary>
    public TimeSpan WorstStall { get; private set; }

    public bool WasStarved => WorstStall > StallMax;

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _running;
        _end.Dispose();
    }

    private async Task RunAsync()
    {
        while (!_end.IsCancellationRequested)
        {
            var before = Stopwatch.GetTimestamp();
            await Task.Delay(Period);
            var stall = Stopwatch.GetElapsedTime(before) - Period;
            WorstStall = stall > WorstStall ? stall : WorstStall;
        }
    }
}
