using KvRaft.Client.Values;
using KvRaft.V1;

namespace KvRaft.Client;

/// <summary>The status that a node reports about itself.</summary>
/// <param name="Replicas">By group.</param>
/// <param name="ClockOffset">How far its wall clock is ahead of the median of the nodes it compares with; null: it has no comparison yet.</param>
public sealed record KvNodeStatus(
    string ClusterId,
    string Node,
    string Version,
    long Epoch,
    KvNodeState State,
    TimeSpan Uptime,
    DateTimeOffset ServerTime,
    long WorkingSetBytes,
    long DiskFreeBytes,
    long DiskTotalBytes,
    TimeSpan? ClockOffset,
    IReadOnlyList<KvReplicaStatus> Replicas)
{
    internal static KvNodeStatus From(StatusResponse status) => new(
        status.ClusterId, status.NodeId, status.ServerVersion, status.RingEpoch, (KvNodeState)status.State, WireValues.Span(status.UptimeMs),
        WireValues.Moment(status.ServerTimeMs), status.WorkingSetBytes, status.DiskFreeBytes, status.DiskTotalBytes,
        status.Clock is { } clock ? WireValues.Span(clock.OffsetMs) : null, [.. status.Groups.Select(KvReplicaStatus.From)]);
}

/// <summary>The part of a replica in its Raft group.</summary>
public enum KvReplicaRole
{
    Unknown = 0,
    Follower = 1,
    Candidate = 2,
    Leader = 3,

    /// <summary>Catches up and does not vote yet.</summary>
    Learner = 4,
    Stopped = 5,
}

/// <summary>A replica as its node reports it.</summary>
/// <param name="Shard">null: group 0, the placement group.</param>
/// <param name="Leader">null: unknown.</param>
/// <param name="CommitIndex">The last index known to be committed.</param>
/// <param name="AppliedIndex">The last index that the state machine has applied.</param>
/// <param name="DurableIndex">The last index on the disk of this node.</param>
/// <param name="State">serving, behind, catching-up, rebuilding, failed and others.</param>
/// <param name="Bytes">Approximate.</param>
/// <param name="Rebuilds">How often the node found the replica damaged and set it aside since it started.</param>
public sealed record KvReplicaStatus(
    int? Shard,
    KvReplicaRole Role,
    long Term,
    string? Leader,
    long CommitIndex,
    long AppliedIndex,
    long DurableIndex,
    string State,
    long Bytes,
    IReadOnlyList<string> Voters,
    double ReadsPerSecond,
    double WritesPerSecond,
    int Rebuilds)
{
    internal static KvReplicaStatus From(GroupStatus group) => new(
        group.Group == 0 ? null : group.Shard, (KvReplicaRole)group.Role, group.Term, WireValues.TextOrNull(group.Leader), group.CommitIndex, group.AppliedIndex,
        group.DurableIndex, group.State, group.Bytes, [.. group.Voters], group.ReadsPerSecond, group.WritesPerSecond, group.Rebuilds);
}

/// <summary>The digest of one replica of a shard. Replicas at one applied index must have equal digests.</summary>
public sealed record KvDigest(int Shard, long AppliedIndex, long Revision, ReadOnlyMemory<byte> Digest, long Keys)
{
    internal static KvDigest From(DigestResponse digest) => new(digest.Shard, digest.AppliedIndex, digest.Revision, digest.Digest.Memory, digest.Keys);
}
