namespace KvRaft.Chaos.Faults;

/// <summary>The nodes that a fault affects, and the shards they led when it was planned.</summary>
internal sealed record Target(IReadOnlyList<int> Nodes, IReadOnlyList<int> LedShards)
{
    public static readonly Target None = new([], []);

    public override string ToString() =>
        FaultScene.Names(Nodes) + (LedShards.Count == 0 ? "" : $" leading {string.Join(',', LedShards.Order().Select(shard => $"s{shard}"))}");
}

/// <summary>Which nodes a fault affects.</summary>
internal enum Whom
{
    /// <summary>The leader of a randomly chosen shard.</summary>
    Leader,

    /// <summary>A node that leads the fewest shards.</summary>
    Follower,

    /// <summary>A randomly chosen node.</summary>
    Any,

    /// <summary>More than half of the nodes.</summary>
    Majority,

    All,
}

/// <summary>Chooses the nodes of a fault.</summary>
internal sealed record Victims(Whom Whom)
{
    public async Task<Target> ChooseAsync(FaultScene scene)
    {
        var leaders = await scene.Cluster.LeadersAsync();
        IReadOnlyList<int> nodes = Whom switch
        {
            Whom.Leader => [(await scene.AnyLeaderAsync()).Node],
            Whom.Follower => [scene.AnyNodes(scene.Cluster.Plan.Nodes).MinBy(node => leaders.Values.Count(leader => leader == node))],
            Whom.Any => [scene.AnyNode()],
            Whom.Majority => scene.AnyNodes((scene.Cluster.Plan.Nodes / 2) + 1),
            _ => [.. scene.Cluster.Plan.Numbers],
        };
        return new Target(nodes, [.. leaders.Where(pair => nodes.Contains(pair.Value)).Select(pair => pair.Key)]);
    }
}
