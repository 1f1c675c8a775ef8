using System.Diagnostics;
using System.Text.Json;
using KvRaft.Chaos.Machine;
using KvRaft.Chaos.Workloads;

namespace KvRaft.Chaos.Faults;

/// <summary>
/// Injects one fault after another, with a pause in between, and verifies each: seen active, seen healed. Marks go into the
/// history, evidence goes into the fault timeline. <see cref="Unverified"/> lists what could not be verified.
/// </summary>
/// <param name="scene">The run.</param>
/// <param name="kinds">The faults to choose from.</param>
/// <param name="recorder">Receives the marks.</param>
/// <param name="timeline">Receives the evidence.</param>
/// <param name="over">Cancelled when the run has its verdict already: the nemesis no longer waits for heals.</param>
internal sealed class Nemesis(FaultScene scene, IReadOnlyList<FaultKind> kinds, Recorder recorder, StreamWriter timeline, CancellationToken over)
{
    /// <summary>A heal may need a start (3 s of CPU on a busy machine), an election and a catch-up; a longer time is a finding.</summary>
    private static readonly TimeSpan HealPatience = TimeSpan.FromSeconds(60);

    /// <summary>Seen active at once, or at the second check.</summary>
    private static readonly TimeSpan ActivePatience = TimeSpan.FromSeconds(3);

    public List<string> Unverified { get; } = [];

    /// <summary>Ends with a healed cluster, also when cancelled in the middle of a fault.</summary>
    public async Task RunAsync(CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            await PauseAsync(TimeSpan.FromMilliseconds(scene.Random.Next(1500, 4000)), end);
            if (!end.IsCancellationRequested)
            {
                await OneAsync(kinds[scene.Random.Next(kinds.Count)], end);
            }
        }
    }

    private async Task OneAsync(FaultKind kind, CancellationToken end)
    {
        var fault = kind.Create();
        string detail;
        try
        {
            detail = await fault.PlanAsync(scene);
        }
        catch (FaultException failure)
        {
            Complain(kind.Name, $"no plan: {failure.Message}");
            return;
        }

        recorder.Mark($"{kind.Name} {detail}");
        await InjectAsync(kind, fault, detail, end);
        await fault.HealAsync(scene);
        var clock = Stopwatch.StartNew();
        var healed = await EventuallyAsync(() => fault.CheckHealedAsync(scene), HealPatience);
        recorder.Mark($"heal {kind.Name} {detail}");
        Note("healed", kind.Name, detail, healed);
        if (!healed.Holds)
        {
            Complain(kind.Name, $"not over after {clock.Elapsed.TotalSeconds:0} s: {healed.Text}");
        }
    }

    private async Task InjectAsync(FaultKind kind, IFault fault, string detail, CancellationToken end)
    {
        try
        {
            await fault.InjectAsync(scene);
            recorder.Mark($"complete {kind.Name} {detail}");
            var active = await EventuallyAsync(() => fault.CheckActiveAsync(scene), ActivePatience);
            Note("active", kind.Name, detail, active);
            if (active.Holds)
            {
                scene.Totals.Count(kind.Name);
            }
            else
            {
                Complain(kind.Name, $"not active: {active.Text}");
            }

            await PauseAsync(fault.Hold(scene.Random), end);
        }
        catch (Exception failure) when (failure is ShellException or FaultException)
        {
            Complain(kind.Name, failure.Message);
        }
    }

    private void Complain(string fault, string text)
    {
        Unverified.Add($"{fault}: {text}");
        Note("unverified", fault, "", Evidence.Missing(text));
    }

    private void Note(string what, string fault, string detail, Evidence evidence)
    {
        var line = JsonSerializer.Serialize(new { ms = (long)recorder.Elapsed.TotalMilliseconds, what, fault, detail, holds = evidence.Holds, evidence = evidence.Text });
        timeline.WriteLine(line);
        timeline.Flush();
        Console.WriteLine($"  {recorder.Elapsed.TotalSeconds,6:0.0} s  {what,-10} {fault} {detail}: {evidence.Text}");
    }

    private async Task<Evidence> EventuallyAsync(Func<Task<Evidence>> look, TimeSpan patience)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var seen = await look();
            if (seen.Holds || clock.Elapsed > patience || over.IsCancellationRequested)
            {
                return seen;
            }

            await Task.Delay(50);
        }
    }

    private static async Task PauseAsync(TimeSpan time, CancellationToken end)
    {
        try
        {
            await Task.Delay(time, end);
        }
        catch (OperationCanceledException)
        {
            // The run is over: the fault is healed a little earlier than planned.
        }
    }
}
