using KvRaft.Chaos.Links;
using KvRaft.Chaos.Machine;

namespace KvRaft.Chaos.Faults;

/// <summary>What is wrong with the links.</summary>
internal enum LinkTrouble
{
    /// <summary>Packets take 25 to 250 ms longer each way, and up to half of that again by chance.</summary>
    Slow,

    /// <summary>One packet of twenty up to two of five is lost.</summary>
    Lossy,
}

/// <summary>The links between a shard's leader and some or all of the others are bad, in both directions.</summary>
internal sealed class LinkFault(LinkTrouble trouble) : IFault
{
    private IReadOnlyList<Link> _links = [];
    private LinkQuality _quality;
    private (long Delayed, long Lost) _before;

    public async Task<string> PlanAsync(FaultScene scene)
    {
        var (leader, _) = await scene.AnyLeaderAsync();
        var others = scene.AnyNodes(scene.Cluster.Plan.Nodes).Where(node => node != leader).Take(scene.Random.Next(1, scene.Cluster.Plan.Nodes)).ToArray();
        _links = [.. others.SelectMany(other => new[] { new Link(leader, other), new Link(other, leader) })];
        var delay = TimeSpan.FromMilliseconds(scene.Random.Next(25, 250));
        _quality = trouble == LinkTrouble.Slow ? new LinkQuality(delay, delay / 2, 0) : new LinkQuality(TimeSpan.Zero, TimeSpan.Zero, scene.Random.Next(5, 41) / 100.0);
        return $"{FaultScene.Names([leader])}-{FaultScene.Names(others)} {_quality}";
    }

    public Task InjectAsync(FaultScene scene)
    {
        _before = scene.Links.Counts;
        return scene.Links.SetAsync(_links, _quality);
    }

    public async Task<Evidence> CheckActiveAsync(FaultScene scene)
    {
        if (_links.Except(await scene.Links.BadAsync()).ToList() is { Count: > 0 } missing)
        {
            return Evidence.Missing($"not routed: {string.Join(' ', missing)}");
        }

        var (delayed, lost) = (scene.Links.Counts.Delayed - _before.Delayed, scene.Links.Counts.Lost - _before.Lost);
        return (trouble == LinkTrouble.Slow ? delayed : lost) == 0
            ? Evidence.Missing("no packet was touched")
            : Evidence.Seen($"{_links.Count} directions, {delayed} packets delayed and {lost} lost so far");
    }

    public TimeSpan Hold(Random random) => TimeSpan.FromMilliseconds(random.Next(2000, 9000));

    public Task HealAsync(FaultScene scene) => scene.Links.MendAsync(_links);

    public async Task<Evidence> CheckHealedAsync(FaultScene scene)
    {
        if (_links.Intersect(await scene.Links.BadAsync()).ToList() is { Count: > 0 } left)
        {
            return Evidence.Missing($"still routed: {string.Join(' ', left)}");
        }

        var probe = _links[scene.Random.Next(_links.Count)];
        return await scene.Network.ConnectsAsync(probe, scene.Cluster.RaftPortOf(probe.To)) ? Evidence.Seen($"{probe} connects") : Evidence.Missing($"{probe} does not connect");
    }
}
