using System.Diagnostics;
using System.Globalization;
using KvRaft.Chaos.Cluster;
using KvRaft.Chaos.Machine;

namespace KvRaft.Chaos.Faults;

/// <summary>
/// strace between the node and the kernel delays every fsync and fdatasync of the node, or makes it fail with EIO. If a sync of a node
/// failed, the node must end by itself and must not sync again.
/// </summary>
internal sealed class SyncFault(bool fails) : IFault
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private int _node;
    private int _delayMs;
    private Process? _strace;
    private string _trace = "";

    public async Task<string> PlanAsync(FaultScene scene)
    {
        _node = (await scene.AnyLeaderAsync()).Node;
        _delayMs = scene.Random.Next(100, 1500);
        return fails ? ChaosCluster.NameOf(_node) : $"{ChaosCluster.NameOf(_node)} {_delayMs}ms";
    }

    public async Task InjectAsync(FaultScene scene)
    {
        var process = scene.Cluster.Process(_node);
        if (fails)
        {
            process.MayEnd(expected: true);
        }

        _trace = Path.Combine(scene.Cluster.Plan.Folder, ChaosCluster.NameOf(_node), "strace.txt");
        var how = fails ? "error=EIO" : string.Create(CultureInfo.InvariantCulture, $"delay_enter={_delayMs * 1000}");
        _strace = Process.Start(new ProcessStartInfo("strace", ["-f", "-qq", "-o", _trace, "-p", process.Pid.ToString(CultureInfo.InvariantCulture), "-e", "trace=fsync,fdatasync", "-e", $"inject=fsync,fdatasync:{how}"]))!;
        if (fails)
        {
            await EndAsync(scene, process);
        }
    }

    public async Task<Evidence> CheckActiveAsync(FaultScene scene)
    {
        // strace attaches to a hundred threads first.
        for (var tries = 0; tries < 100; tries++)
        {
            var injected = File.Exists(_trace) ? File.ReadLines(_trace).Count(line => line.Contains(fails ? "(INJECTED)" : "(DELAYED)", StringComparison.Ordinal)) : 0;
            if (injected > 0)
            {
                return Evidence.Seen($"{injected} syncs {(fails ? "failed" : "held up")} so far");
            }

            await Task.Delay(50);
        }

        return Evidence.Missing("no sync was touched");
    }

    public TimeSpan Hold(Random random) => TimeSpan.FromMilliseconds(random.Next(3000, 8000));

    public async Task HealAsync(FaultScene scene)
    {
        if (_strace is { HasExited: false })
        {
            // TERM detaches; KILL would end the node as well.
            await Shell.TryAsync("kill", "-TERM", _strace.Id.ToString(CultureInfo.InvariantCulture));
            await _strace.WaitForExitAsync();
        }

        _strace?.Dispose();
        if (fails)
        {
            await scene.Cluster.Process(_node).KillAsync();
            await scene.Cluster.Process(_node).StartAsync();
        }
    }

    public Task<Evidence> CheckHealedAsync(FaultScene scene) => scene.ServeAsync(_node);

    private async Task EndAsync(FaultScene scene, NodeProcess process)
    {
        using var limit = new CancellationTokenSource(Patience);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            scene.Totals.Complain($"{ChaosCluster.NameOf(_node)} continued for {Patience.TotalSeconds:0} s although its syncs fail");
        }
    }
}
