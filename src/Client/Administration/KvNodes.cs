using KvRaft.Client.Values;
using KvRaft.V1;

namespace KvRaft.Client;

/// <summary>All nodes of the cluster, as the leader of group 0 sees them.</summary>
/// <param name="Nodes">By name.</param>
/// <param name="PlacementVoters">The nodes that vote in group 0.</param>
/// <param name="PlacementLeader">The node that led group 0 when it answered; null: unknown.</param>
/// <param name="Removed">Decommissioned nodes; their names are not assigned again.</param>
public sealed record KvNodes(
    long Epoch, IReadOnlyList<KvNode> Nodes, IReadOnlyList<string> PlacementVoters, string? PlacementLeader, IReadOnlyList<string> Removed)
{
    internal static KvNodes From(ListNodesResponse nodes) => new(
        nodes.Epoch, [.. nodes.Nodes.Select(KvNode.From)], [.. nodes.PlacementVoters], WireValues.TextOrNull(nodes.PlacementLeader), [.. nodes.Removed]);
}

/// <summary>A node of the cluster.</summary>
/// <param name="PublicEndpoint">host:port for clients.</param>
/// <param name="RaftEndpoint">host:port for other nodes.</param>
/// <param name="Standing">joined, active, draining or leaving.</param>
/// <param name="Health">up, suspect, down or dead.</param>
/// <param name="Silence">Since its last answer to the leader of group 0; null: this leader has received none.</param>
/// <param name="Suspicion">Phi of an accrual failure detector; suspect from 8.</param>
/// <param name="Shards">Replicas by the shard map.</param>
/// <param name="Leaders">Shards it leads, by its own report.</param>
/// <param name="RingShare">Its share of the ring, 0 to 1.</param>
/// <param name="ClockOffset">How far its wall clock is ahead of the median of the nodes it compares with.</param>
/// <param name="IsClockSkewed">The offset is too large for a leader.</param>
/// <param name="Note">What a leaving node still waits for; null: nothing.</param>
public sealed record KvNode(
    string Name,
    string PublicEndpoint,
    string RaftEndpoint,
    string Zone,
    double Weight,
    string Standing,
    string Health,
    TimeSpan? Silence,
    double Suspicion,
    int Shards,
    int Leaders,
    double RingShare,
    long DataBytes,
    long DiskFreeBytes,
    long DiskTotalBytes,
    string Version,
    TimeSpan ClockOffset,
    bool IsClockSkewed,
    string? Note)
{
    internal static KvNode From(NodeInfo node) => new(
        node.NodeId, node.Public, node.Raft, node.Zone, node.Weight, node.Standing, node.Health, WireValues.SpanOrNull(node.SilenceMs), node.Suspicion,
        node.Shards, node.Leaders, node.Owns, node.DataBytes, node.DiskFreeBytes, node.DiskTotalBytes, node.Version,
        WireValues.Span(node.ClockOffsetMs), node.ClockSkewed, WireValues.TextOrNull(node.Note));
}
