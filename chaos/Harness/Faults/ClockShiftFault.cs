using System.Globalization;
using KvRaft.Chaos.Cluster;

namespace KvRaft.Chaos.Faults;

/// <summary>
/// Wall clocks are set far away and, later, set right again: by more than any session or time-to-live lasts. So anything that a wall clock decides
/// expires at once, or never.
/// </summary>
/// <param name="targets">The nodes whose clocks are set.</param>
/// <param name="seconds">The possible shifts; one is chosen at random.</param>
/// <param name="handsOver">
/// The nodes then receive a request to resign their leadership: the correct clock of the next leader meets the stamps of a wrong clock.
/// </param>
internal sealed class ClockShiftFault(Victims targets, int[] seconds, bool handsOver = false) : IFault
{
    private IReadOnlyList<int> _nodes = [];
    private int _seconds;

    public async Task<string> PlanAsync(FaultScene scene)
    {
        _nodes = (await targets.ChooseAsync(scene)).Nodes;
        _seconds = seconds[scene.Random.Next(seconds.Length)];
        return string.Create(CultureInfo.InvariantCulture, $"{FaultScene.Names(_nodes)} {_seconds}s");
    }

    public async Task InjectAsync(FaultScene scene)
    {
        Set(scene, TimeSpan.FromSeconds(_seconds));
        if (!handsOver)
        {
            return;
        }

        // First, time for writes under the wrong clock.
        await Task.Delay(TimeSpan.FromSeconds(1));
        foreach (var (shard, node) in await scene.Cluster.LeadersAsync())
        {
            if (_nodes.Contains(node))
            {
                // Group 0 is the placement driver's; shard s is group s + 1. A node that resigns because of its clock does the same without the request.
                await scene.Cluster.Admin(node).ResignAsync(shard + 1);
            }
        }
    }

    // Evidence from the nodes: their status reports their time.
    public async Task<Evidence> CheckActiveAsync(FaultScene scene)
    {
        // A status takes some hundred milliseconds on a busy machine; every shift is more.
        var skews = await SkewsAsync(scene);
        return _nodes.FirstOrDefault(node => skews.GetValueOrDefault(node)?.Duration() is not { } skew || skew < TimeSpan.FromSeconds(1), -1) is >= 0 and var node
            ? Evidence.Missing($"{ChaosCluster.NameOf(node)} is not seen to be off")
            : Evidence.Seen(string.Join(", ", _nodes.Select(each => string.Create(CultureInfo.InvariantCulture, $"{ChaosCluster.NameOf(each)} is off by {skews[each]!.Value.TotalSeconds:0} s"))));
    }

    public TimeSpan Hold(Random random) => TimeSpan.FromMilliseconds(random.Next(3000, 9000));

    public Task HealAsync(FaultScene scene)
    {
        Set(scene, TimeSpan.Zero);
        return Task.CompletedTask;
    }

    public async Task<Evidence> CheckHealedAsync(FaultScene scene)
    {
        var skews = await SkewsAsync(scene);
        return _nodes.FirstOrDefault(node => skews.GetValueOrDefault(node)?.Duration() is not { } skew || skew >= TimeSpan.FromSeconds(1), -1) is >= 0 and var node
            ? Evidence.Missing($"{ChaosCluster.NameOf(node)} is not seen to be right")
            : Evidence.Seen($"{FaultScene.Names(_nodes)} off by less than a second");
    }

    private void Set(FaultScene scene, TimeSpan offset)
    {
        foreach (var node in _nodes)
        {
            scene.Clocks.Set(node, offset, 0);
        }
    }

    private static async Task<IReadOnlyDictionary<int, TimeSpan?>> SkewsAsync(FaultScene scene)
    {
        var statuses = await scene.Cluster.StatusesAsync();
        return statuses.ToDictionary(static pair => pair.Key, static pair => (TimeSpan?)(DateTimeOffset.FromUnixTimeMilliseconds(pair.Value.ServerTimeMs) - DateTimeOffset.UtcNow));
    }
}
