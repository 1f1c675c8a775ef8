using System.Collections.Immutable;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Rules;

/// <summary>Checks a command independently of the state: returns a sentence that names the invalid field, or null.</summary>
internal static class PlacementChecks
{
    public static string? MistakeIn(InitCluster init)
    {
        if (init.ClusterId == Guid.Empty)
        {
            return "the cluster id is empty";
        }

        if (!ShardMap.IsValidShardCount(init.ShardCount))
        {
            return $"the shard count {init.ShardCount} is not a power of two from 1 to {ShardMap.ShardCountMax}";
        }

        if (init.ReplicationFactor is < 1 or > ShardMap.ReplicationFactorMax)
        {
            return $"the replication factor {init.ReplicationFactor} is not from 1 to {ShardMap.ReplicationFactorMax}";
        }

        if (init.ContextSecret.IsDefault || init.ContextSecret.Length != ContextKey.SecretBytes)
        {
            return $"the context secret must have {ContextKey.SecretBytes} bytes";
        }

        return MistakeIn(init.Nodes) ?? MistakeIn(init.Shards, init);
    }

    public static string? MistakeIn(CreateKeyspace create) =>
        !KeyspaceName.IsValid(create.Name) ? $"'{create.Name}' is not a keyspace name"
        : create.Mode is not (KeyspaceMode.Strong or KeyspaceMode.Eventual) ? $"mode {create.Mode} is not known"
        : (create.Mode == KeyspaceMode.Eventual) != (create.Eventual is not null) ? $"the policy does not fit mode {create.Mode}"
        : create.Eventual?.Mistake() is { } mistake ? mistake
        : create.Routing is not (RoutingRule.WholeKey or RoutingRule.Tag) ? $"routing rule {create.Routing} is not known"
        : MistakeInLimits(create.TtlDefaultMs, create.TtlMaxMs, create.ValueBytesMax);

    public static string? MistakeIn(AlterKeyspace alter) =>
        MistakeInLimits(alter.TtlDefaultMs ?? 0, alter.TtlMaxMs ?? 0, alter.ValueBytesMax ?? 0) ?? (alter.Eventual is { } change ? MistakeIn(change) : null);

    private static string? MistakeIn(EventualChange change) =>
        change.N is < 1 or > QuorumSpec.NMax || change.R is < 1 or > QuorumSpec.NMax || change.W is < 1 or > QuorumSpec.NMax
            ? $"n, r and w are from 1 to {QuorumSpec.NMax}"
        : change.Conflict is { } conflict && !Enum.IsDefined(conflict) ? $"conflict policy {conflict} is not known"
        : change.Durability is { } durability && !Enum.IsDefined(durability) ? $"durability {durability} is not known"
        : null;

    /// <summary>Checks a keyspace with the alteration applied.</summary>
    public static string? MistakeIn(KeyspaceDescriptor altered) => MistakeInLimits(altered.TtlDefaultMs, altered.TtlMaxMs, altered.ValueBytesMax);

    public static string? MistakeIn(ChangeNodeAddress change) =>
        MistakeInAddress("raft", change.RaftAddress) ?? MistakeInAddress("public", change.PublicAddress);

    public static string? MistakeInShard(ShardId shard) =>
        shard.Value is >= 0 and < ShardMap.ShardCountMax ? null : $"shard {shard} is out of range";

    public static string? MistakeIn(FinishMove finish) =>
        MistakeInShard(finish.Shard)
        ?? (finish.To.Incarnation < Replica.IncarnationFirst ? $"incarnation {finish.To.Incarnation} was never assigned" : null);

    public static string? MistakeIn(JoinNode join) =>
        MistakeIn(join.Node)
        ?? (join.Node.Standing != NodeStanding.Joined ? $"a node joins as {NodeStanding.Joined}, not as {join.Node.Standing}"
            : join.Node.Instance == Guid.Empty ? "it has no instance"
            : null);

    public static string? MistakeIn(RegisterNode register) =>
        register.Instance == Guid.Empty
            ? "the instance is empty"
            : MistakeInAddress("raft", register.RaftAddress) ?? MistakeInAddress("public", register.PublicAddress);

    public static string? MistakeIn(ImmutableArray<TopologyChange> changes)
    {
        foreach (var change in changes)
        {
            if (!Enum.IsDefined(change.Kind))
            {
                return $"there is no change {(int)change.Kind}";
            }

            if ((change.Kind == TopologyChangeKind.Rebalance) != (change.Node == default)
                || (change.Kind != TopologyChangeKind.Weight && change.Weight != 0)
                || (change.Kind != TopologyChangeKind.Zone && change.Zone.Length > 0))
            {
                return $"'{change}' has a field that it does not use, or lacks one that it needs";
            }

            if (change.Kind == TopologyChangeKind.Zone && PrintableText.Mistake(change.Zone, NodeDescriptor.ZoneLengthMax) is { } mistake)
            {
                return $"the zone {mistake}";
            }
        }

        return null;
    }

    public static string? MistakeIn(CommitPlan commit) =>
        MistakeIn(commit.Changes)
        ?? MistakeInNote(commit.Cause)
        ?? (commit.Moves.Length > PlacementLimits.OperatorsMax ? $"a plan has at most {PlacementLimits.OperatorsMax} moves" : null)
        ?? (commit.AtMs < 0 || commit.Base.Value < 0 ? "a time or an epoch is negative" : null)
        ?? commit.Moves.Select(static move => MistakeInShard(move.Shard)).FirstOrDefault(static mistake => mistake is not null);

    public static string? MistakeIn(EndOperator end) =>
        MistakeInNote(end.Note) ?? (end.AtMs < 0 || end.Operator < 1 ? "a time or a number is negative" : null);

    public static string? MistakeIn(ChangeSettings change) =>
        new[] { change.CopyMegabytes, change.ForegroundP99Ms, change.MovesAtOnce, change.MovesAtOncePerNode }.Any(static value => value < 0) ? "a setting is negative" : null;

    public static string? MistakeIn(PauseScheduler pause) =>
        !Enum.IsDefined(pause.Scheduler) ? $"there is no scheduler {(byte)pause.Scheduler}"
        : pause.UntilMs < 0 || (!pause.Pause && pause.UntilMs != 0) ? "the end of the pause is invalid"
        : null;

    public static string? MistakeInNote(string note) =>
        note.Length <= PlacementLimits.NoteLengthMax ? null : $"a note has at most {PlacementLimits.NoteLengthMax} characters";

    private static string? MistakeIn(ImmutableArray<NodeDescriptor> nodes)
    {
        if (nodes.Length is < 1 or > PlacementLimits.NodesMax)
        {
            return $"a cluster has from 1 to {PlacementLimits.NodesMax} nodes, not {nodes.Length}";
        }

        for (var i = 0; i < nodes.Length; i++)
        {
            if (i > 0 && nodes[i].Id.CompareTo(nodes[i - 1].Id) <= 0)
            {
                return $"the nodes are not in the order of their names, each once: {nodes[i - 1].Id}, {nodes[i].Id}";
            }

            if (MistakeIn(nodes[i]) is { } mistake)
            {
                return $"node {nodes[i].Id}: {mistake}";
            }
        }

        return null;
    }

    private static string? MistakeIn(NodeDescriptor node) =>
        !NodeId.IsValid(node.Id.Value) ? "it has no name"
        : !RingNode.IsValidWeight(node.Weight)
            ? FormattableString.Invariant($"weight {node.Weight} is not from {RingNode.WeightMin} to {RingNode.WeightMax}")
        : PrintableText.Mistake(node.Zone, NodeDescriptor.ZoneLengthMax) is { } mistake ? $"the zone {mistake}"
        : MistakeInAddress("raft", node.RaftAddress) ?? MistakeInAddress("public", node.PublicAddress);

    private static string? MistakeIn(ImmutableArray<ImmutableArray<NodeId>> shards, InitCluster init)
    {
        var known = init.Nodes.Select(static node => node.Id).ToHashSet();
        for (var shard = 0; shard < shards.Length; shard++)
        {
            var nodes = shards[shard];
            if (nodes.Length != init.ReplicationFactor || nodes.Distinct().Count() != nodes.Length || !nodes.All(known.Contains))
            {
                return $"shard {shard} is not on {init.ReplicationFactor} of the nodes: {string.Join(", ", nodes)}";
            }
        }

        return null;
    }

    private static string? MistakeInAddress(string which, string address) =>
        address.Length is < 1 or > NodeDescriptor.AddressLengthMax ? $"the {which} address has {address.Length} characters, not from 1 to {NodeDescriptor.AddressLengthMax}"
        : PrintableText.Mistake(address, NodeDescriptor.AddressLengthMax) is { } mistake ? $"the {which} address {mistake}"
        : null;

    private static string? MistakeInLimits(long ttlDefaultMs, long ttlMaxMs, int valueBytesMax) =>
        ttlDefaultMs is < 0 or > PlacementLimits.TtlMsMax ? $"the default ttl {ttlDefaultMs} ms is not from 0 to {PlacementLimits.TtlMsMax}"
        : ttlMaxMs is < 0 or > PlacementLimits.TtlMsMax ? $"the maximum ttl {ttlMaxMs} ms is not from 0 to {PlacementLimits.TtlMsMax}"
        : ttlMaxMs > 0 && ttlDefaultMs > ttlMaxMs ? $"the default ttl {ttlDefaultMs} ms is above the maximum, {ttlMaxMs} ms"
        : valueBytesMax < 0 ? $"the value limit {valueBytesMax} is negative"
        : null;
}
