using System.Globalization;
using KvRaft.Chaos.Cluster;
using KvRaft.V1;

namespace KvRaft.Chaos.Faults;

/// <summary>The fault of a wall clock.</summary>
internal enum ClockTrouble
{
    /// <summary>It is set forward or back once, by a second up to an hour.</summary>
    Jump,

    /// <summary>It is set back and forth ten times a second, by up to four seconds.</summary>
    Strobe,

    /// <summary>It runs too fast or too slow, by a tenth.</summary>
    Drift,
}

/// <summary>The wall clock of the leader of a shard is wrong while its monotonic clock stays correct.</summary>
internal sealed class ClockFault(ClockTrouble trouble) : IFault
{
    private static readonly int[] JumpSeconds = [-3600, -60, -2, 2, 60, 3600];

    private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _node;
    private int _amount;
    private Task _strobe = Task.CompletedTask;

    public async Task<string> PlanAsync(FaultScene scene)
    {
        _node = (await scene.AnyLeaderAsync()).Node;
        _amount = trouble switch
        {
            ClockTrouble.Jump => JumpSeconds[scene.Random.Next(JumpSeconds.Length)],
            ClockTrouble.Strobe => 4,
            _ => scene.Random.Next(2) == 0 ? 100_000 : -100_000,
        };
        return string.Create(CultureInfo.InvariantCulture, $"{ChaosCluster.NameOf(_node)} {_amount}{(trouble == ClockTrouble.Drift ? "ppm" : "s")}");
    }

    public Task InjectAsync(FaultScene scene)
    {
        switch (trouble)
        {
            case ClockTrouble.Jump:
                scene.Clocks.Set(_node, TimeSpan.FromSeconds(_amount), 0);
                break;
            case ClockTrouble.Drift:
                scene.Clocks.Set(_node, TimeSpan.Zero, _amount);
                break;
            default:
                _strobe = Task.Run(() => StrobeAsync(scene));
                break;
        }

        return Task.CompletedTask;
    }

    // Evidence from the node: its status reports its time.
    public async Task<Evidence> CheckActiveAsync(FaultScene scene)
    {
        if (await SkewAsync(scene) is not { } skew)
        {
            return Evidence.Missing($"{ChaosCluster.NameOf(_node)} does not answer");
        }

        // A status takes some milliseconds, and on a busy machine some hundreds; every jump is more.
        var seen = string.Create(CultureInfo.InvariantCulture, $"{ChaosCluster.NameOf(_node)} is off by {skew.TotalMilliseconds:0} ms");
        var least = trouble == ClockTrouble.Jump ? TimeSpan.FromSeconds(1) : TimeSpan.FromMilliseconds(20);
        return skew.Duration() > least ? Evidence.Seen(seen) : Evidence.Missing(seen);
    }

    public TimeSpan Hold(Random random) => TimeSpan.FromMilliseconds(random.Next(2000, 8000));

    public async Task HealAsync(FaultScene scene)
    {
        _end.SetResult();
        await _strobe;
        scene.Clocks.Set(_node, TimeSpan.Zero, 0);
    }

    public async Task<Evidence> CheckHealedAsync(FaultScene scene) => await SkewAsync(scene) switch
    {
        null => Evidence.Missing($"{ChaosCluster.NameOf(_node)} does not answer"),
        var skew when skew.Value.Duration() < TimeSpan.FromSeconds(1) => Evidence.Seen($"{ChaosCluster.NameOf(_node)} is off by less than a second"),
        var skew => Evidence.Missing($"{ChaosCluster.NameOf(_node)} is off by {skew.Value.TotalMilliseconds:0} ms"),
    };

    private async Task<TimeSpan?> SkewAsync(FaultScene scene) => await scene.Cluster.Admin(_node).StatusAsync() is StatusResponse status
        ? DateTimeOffset.FromUnixTimeMilliseconds(status.ServerTimeMs) - DateTimeOffset.UtcNow
        : null;

    private async Task StrobeAsync(FaultScene scene)
    {
        for (var forward = true; !_end.Task.IsCompleted; forward = !forward)
        {
            scene.Clocks.Set(_node, TimeSpan.FromSeconds(forward ? _amount : -_amount), 0);
            await Task.WhenAny(_end.Task, Task.Delay(100));
        }
    }
}
