using KvRaft.Chaos.Checkers;

namespace KvRaft.Chaos.Faults;

/// <summary>Every fault; a new one is a file and an entry here.</summary>
internal static class FaultCatalog
{
    public const string NoFault = "none";
    public const string Mixed = "mixed";
    public const string KillLeader = "kill-leader";

    public static IReadOnlyList<FaultKind> All { get; } =
    [
        new(KillLeader, FaultNeeds.None, () => new KillFault(new Victims(Whom.Leader))) { What = "kill -9 of a shard's leader" },
        new("kill-follower", FaultNeeds.None, () => new KillFault(new Victims(Whom.Follower))) { What = "kill -9 of a node that leads the fewest shards" },
        new("kill-any", FaultNeeds.None, () => new KillFault(new Victims(Whom.Any))) { What = "kill -9 of a random node" },
        new("kill-majority", FaultNeeds.None, () => new KillFault(new Victims(Whom.Majority))) { What = "kill -9 of more than half of the nodes", IsTotal = true },
        new("kill-all", FaultNeeds.None, () => new KillFault(new Victims(Whom.All))) { What = "kill -9 of all nodes at once", IsTotal = true },
        new("kill-loop", FaultNeeds.None, () => new LoopKillFault()) { What = "kill -9 and start, one node after another", IsTotal = true },
        new("pause-leader", FaultNeeds.None, () => new PauseFault(new Victims(Whom.Leader))) { What = "SIGSTOP of a shard's leader" },
        new("pause-any", FaultNeeds.None, () => new PauseFault(new Victims(Whom.Any))) { What = "SIGSTOP of a random node" },
        new("pause-majority", FaultNeeds.None, () => new PauseFault(new Victims(Whom.Majority))) { What = "SIGSTOP of more than half of the nodes", IsTotal = true },
        new("pause-all", FaultNeeds.None, () => new PauseFault(new Victims(Whom.All))) { What = "SIGSTOP of all nodes", IsTotal = true },
        new("late-follower", FaultNeeds.None, () => new LateFollowerFault()) { What = "a leader with one follower that keeps up and one that is far behind, then neither of the first two", IsTotal = true, IsSolitary = true, NodesMin = 5, ReplicasMin = 5, Workload = "large" },
        new("restart", FaultNeeds.None, () => new RestartFault(new Victims(Whom.Any))) { What = "SIGTERM, and a restart" },
        new("upgrade", FaultNeeds.OtherBuild, () => new UpgradeFault()) { What = "SIGTERM, and a start as another build" },
        new("resign", FaultNeeds.None, () => new ResignFault()) { What = "every leader receives a request to resign", IsTotal = true },
        new("ring-change", FaultNeeds.None, () => new RingFault()) { What = "a node's weight changes: token ranges and shards move", IsSolitary = true },
        new("shard-move", FaultNeeds.None, () => new ShardMoveFault(withKill: false)) { What = "a replica goes to another node", NeedsSpareNodes = true, NodesMin = 4 },
        new("shard-move-kill", FaultNeeds.None, () => new ShardMoveFault(withKill: true)) { What = "the same, and kill -9 of a node that takes part", NeedsSpareNodes = true, NodesMin = 4 },
        new("partition-leader", FaultNeeds.Network, () => new PartitionFault(async scene => PartitionShape.Alone(scene.Cluster.Plan.Nodes, (await scene.AnyLeaderAsync()).Node))) { What = "a shard's leader alone" },
        new("partition-halves", FaultNeeds.Network, () => new PartitionFault(scene => Task.FromResult(PartitionShape.Halves(scene.AnyNodes(scene.Cluster.Plan.Nodes))))) { What = "a minority against a majority" },
        new("partition-ring", FaultNeeds.Network, () => new PartitionFault(scene => Task.FromResult(PartitionShape.MajorityRing(scene.AnyNodes(scene.Cluster.Plan.Nodes))))) { What = "each node reaches another majority", IsTotal = true, NodesMin = 5 },
        new("partition-bridge", FaultNeeds.Network, () => new PartitionFault(scene => Task.FromResult(PartitionShape.Bridge(scene.AnyNodes(scene.Cluster.Plan.Nodes))))) { What = "two pairs and one node that reaches all", IsTotal = true },
        new("partition-mute", FaultNeeds.Network, () => new PartitionFault(async scene => PartitionShape.Mute(scene.Cluster.Plan.Nodes, (await scene.AnyLeaderAsync()).Node))) { What = "a leader that receives and whose messages are lost" },
        new("partition-deaf", FaultNeeds.Network, () => new PartitionFault(async scene => PartitionShape.Deaf(scene.Cluster.Plan.Nodes, (await scene.AnyLeaderAsync()).Node))) { What = "a leader that sends and receives nothing" },
        new("partition-flapping", FaultNeeds.Network, () => new FlappingFault()) { What = "partitions that begin and end repeatedly", IsTotal = true },
        new("link-slow", FaultNeeds.Network | FaultNeeds.Links, () => new LinkFault(LinkTrouble.Slow)) { What = "packets to and from a leader take 25 to 375 ms longer", IsTotal = true },
        new("link-lossy", FaultNeeds.Network | FaultNeeds.Links, () => new LinkFault(LinkTrouble.Lossy)) { What = "5 to 40 % of packets to and from a leader are lost", IsTotal = true },
        new("power-one", FaultNeeds.Volumes, () => new PowerCutFault(new Victims(Whom.Any))) { What = "power cut of one node: un-synced writes are lost" },
        new("power-leader", FaultNeeds.Volumes, () => new PowerCutFault(new Victims(Whom.Leader))) { What = "power cut of a shard's leader" },
        new("power-majority", FaultNeeds.Volumes, () => new PowerCutFault(new Victims(Whom.Majority))) { What = "power cut of more than half of the nodes at one moment", IsTotal = true },
        new("power-all", FaultNeeds.Volumes, () => new PowerCutFault(new Victims(Whom.All))) { What = "power cut of all nodes at one moment", IsTotal = true },
        new("disk-dead", FaultNeeds.Volumes, () => new DiskDeadFault()) { What = "every write and sync of a leader fails with EIO", IsTotal = true },
        new("disk-full", FaultNeeds.Volumes, () => new DiskFullFault()) { What = "a node's file system is filled up" },
        new("sync-slow", FaultNeeds.Tracer, () => new SyncFault(fails: false)) { What = "a leader's syncs take 0.1 to 1.5 s longer", IsTotal = true },
        new("sync-fails", FaultNeeds.Tracer, () => new SyncFault(fails: true)) { What = "a leader's syncs fail with EIO", IsTotal = true },
        new("clock-jump", FaultNeeds.Shim, () => new ClockFault(ClockTrouble.Jump)) { What = "a leader's wall clock is set by 2 s to 1 h", ExcusesNoRefusal = true },
        new("clock-strobe", FaultNeeds.Shim, () => new ClockFault(ClockTrouble.Strobe)) { What = "a leader's wall clock is set back and forth", ExcusesNoRefusal = true },
        new("clock-drift", FaultNeeds.Shim, () => new ClockFault(ClockTrouble.Drift)) { What = "a leader's wall clock gains or loses a tenth", ExcusesNoRefusal = true },
        new("clock-far-ahead", FaultNeeds.Shim, () => new ClockShiftFault(new Victims(Whom.Leader), [7200])) { What = "a leader's wall clock is two hours ahead, then right", ExcusesNoRefusal = true },
        new("clock-far-behind", FaultNeeds.Shim, () => new ClockShiftFault(new Victims(Whom.Leader), [-3600])) { What = "a leader's wall clock is an hour behind, then right", ExcusesNoRefusal = true },
        new("clock-handover", FaultNeeds.Shim, () => new ClockShiftFault(new Victims(Whom.Leader), [-45, 45, 3600], handsOver: true)) { What = "a leader with a wrong wall clock transfers its leadership", ExcusesNoRefusal = true },
        new("clock-all-ahead", FaultNeeds.Shim, () => new ClockShiftFault(new Victims(Whom.All), [7200])) { What = "all wall clocks are two hours ahead, then right", ExcusesNoRefusal = true },
        new("clock-all-behind", FaultNeeds.Shim, () => new ClockShiftFault(new Victims(Whom.All), [-3600, -10])) { What = "all wall clocks are set back by 10 s or an hour, then right", ExcusesNoRefusal = true },
        new("log-tail-lost", FaultNeeds.None, () => new LogDamageFault(LogDamage.LostTail)) { What = "the end of a dead node's log is zeros", IsSolitary = true },
        new("log-bit-flip", FaultNeeds.None, () => new LogDamageFault(LogDamage.BitFlip)) { What = "one bit of a dead node's log is flipped", IsSolitary = true },
        new("log-missing", FaultNeeds.None, () => new LogMissingFault()) { What = "a node comes back without its log while only a node that lacks the last writes is there", IsTotal = true, IsSolitary = true },
        new("table-bit-flip", FaultNeeds.None, () => new TableDamageFault(TableDamage.BitFlip)) { What = "one bit of a dead node's table file is flipped", IsSolitary = true },
        new("table-missing", FaultNeeds.None, () => new TableDamageFault(TableDamage.MissingFile)) { What = "a table file or the manifest of a dead node's replica is missing", IsSolitary = true },
        new("wipe", FaultNeeds.None, () => new WipeFault()) { What = "a node that comes back with an empty disk is refused", IsSolitary = true },
        new("rolled-back", FaultNeeds.None, () => new RolledBackFault()) { What = "a node that comes back with an older copy of its directory is refused", IsSolitary = true },
    ];

    /// <summary>The faults of a mix. The disks of the other nodes repair a damaged disk, so two such faults must not coincide.</summary>
    public static IReadOnlyList<FaultKind> Mixable { get; } = [.. All.Where(kind => !kind.IsSolitary)];

    /// <summary>The properties of faults that the judges need for a history.</summary>
    public static JudgeOptions Judging { get; } = new()
    {
        Validity = new RunValidityOptions { TotalFaults = Names(static kind => kind.IsTotal) },
        Harmless = Names(static kind => kind.ExcusesNoRefusal),
    };

    public static FaultKind? Find(string name) => All.FirstOrDefault(kind => kind.Name == name);

    private static HashSet<string> Names(Func<FaultKind, bool> which) => [.. All.Where(which).Select(static kind => kind.Name)];
}
