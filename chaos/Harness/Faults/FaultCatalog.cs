namespace KvRaft.Chaos.Faults;

/// <summary>Every fault; a new one is a file and an entry here.</summary>
internal static class FaultCatalog
{
    public const string NoFault = "none";
    public const string Mixed = "mixed";

    public static IReadOnlyList<FaultKind> All { get; } =
    [
        new("kill-leader", FaultNeeds.None, () => new KillFault(new Victims(Whom.Leader))) { What = "kill -9 of a shard's leader" },
        new("kill-follower", FaultNeeds.None, () => new KillFault(new Victims(Whom.Follower))) { What = "kill -9 of a node that leads little" },
        new("kill-any", FaultNeeds.None, () => new KillFault(new Victims(Whom.Any))) { What = "kill -9 of a node chosen by chance" },
        new("kill-majority", FaultNeeds.None, () => new KillFault(new Victims(Whom.Majority))) { What = "kill -9 of three of five", IsTotal = true },
        new("kill-all", FaultNeeds.None, () => new KillFault(new Victims(Whom.All))) { What = "kill -9 of all nodes at once", IsTotal = true },
        new("kill-loop", FaultNeeds.None, () => new LoopKillFault()) { What = "kill -9 and start, one node after another", IsTotal = true },
        new("pause-leader", FaultNeeds.None, () => new PauseFault(new Victims(Whom.Leader))) { What = "SIGSTOP of a shard's leader" },
        new("pause-any", FaultNeeds.None, () => new PauseFault(new Victims(Whom.Any))) { What = "SIGSTOP of a node chosen by chance" },
        new("pause-majority", FaultNeeds.None, () => new PauseFault(new Victims(Whom.Majority))) { What = "SIGSTOP of three of five", IsTotal = true },
        new("pause-all", FaultNeeds.None, () => new PauseFault(new Victims(Whom.All))) { What = "SIGSTOP of all nodes", IsTotal = true },
        new("restart", FaultNeeds.None, () => new RestartFault(new Victims(Whom.Any))) { What = "SIGTERM, and a new start" },
        new("resign", FaultNeeds.None, () => new ResignFault()) { What = "every leader is asked to give up", IsTotal = true },
        new("partition-leader", FaultNeeds.Network, () => new PartitionFault(async scene => PartitionShape.Alone(scene.Cluster.Plan.Nodes, (await scene.AnyLeaderAsync()).Node))) { What = "a shard's leader alone" },
        new("partition-halves", FaultNeeds.Network, () => new PartitionFault(scene => Task.FromResult(PartitionShape.Halves(scene.AnyNodes(scene.Cluster.Plan.Nodes))))) { What = "two against three" },
        new("partition-ring", FaultNeeds.Network, () => new PartitionFault(scene => Task.FromResult(PartitionShape.MajorityRing(scene.AnyNodes(scene.Cluster.Plan.Nodes))))) { What = "each sees another majority", IsTotal = true },
        new("partition-bridge", FaultNeeds.Network, () => new PartitionFault(scene => Task.FromResult(PartitionShape.Bridge(scene.AnyNodes(scene.Cluster.Plan.Nodes))))) { What = "two pairs and one node that sees all", IsTotal = true },
        new("partition-mute", FaultNeeds.Network, () => new PartitionFault(async scene => PartitionShape.Mute(scene.Cluster.Plan.Nodes, (await scene.AnyLeaderAsync()).Node))) { What = "a leader that hears and is not heard" },
        new("partition-deaf", FaultNeeds.Network, () => new PartitionFault(async scene => PartitionShape.Deaf(scene.Cluster.Plan.Nodes, (await scene.AnyLeaderAsync()).Node))) { What = "a leader that is heard and does not hear" },
        new("partition-flapping", FaultNeeds.Network, () => new FlappingFault()) { What = "partitions that come and go", IsTotal = true },
    ];

    public static FaultKind? Find(string name) => All.FirstOrDefault(kind => kind.Name == name);
}
