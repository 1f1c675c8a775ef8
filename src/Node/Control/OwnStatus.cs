using KvRaft.Node.Cluster;
using KvRaft.Node.EventualKeys;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Node.Security;
using KvRaft.Node.Shards;
using KvRaft.Node.Telemetry;
using KvRaft.Raft.Consensus;
using KvRaft.Raft.Groups;
using KvRaft.Raft.Log;
using KvRaft.Raft.Membership;
using KvRaft.Topology;
using KvRaft.V1;
using GroupStatus = KvRaft.V1.GroupStatus;

namespace KvRaft.Node.Control;

/// <summary>The status that this node reports: to operators, and to the leader of group 0, which queries it every second.</summary>
internal sealed class OwnStatus(
    NodeOptions options, ShardMapHolder map, ShardTable shards, RaftHost raft, PlacementAgent placement, MoveNotes notes, LatencyWindow writes,
    EventualLeftovers leftovers, ReplicaRepairs repairs, CallerGuard callers, NodeProof proof, TimeProvider time)
{
    private readonly long _started = time.GetTimestamp();

    public StatusResponse Now()
    {
        var disk = new DriveInfo(Path.GetFullPath(options.DataDirectory));
        var response = new StatusResponse
        {
            ClusterId = options.ClusterId.ToString(),
            NodeId = options.NodeId.Value,
            ServerVersion = ServerVersion.Text,
            RingEpoch = map.Current.Epoch.Value,
            State = placement.State.FindNode(options.NodeId)?.Standing switch
            {
                NodeStanding.Joined => NodeState.Joined,
                NodeStanding.Draining => NodeState.Draining,
                NodeStanding.Leaving => NodeState.Leaving,
                _ => NodeState.Up,
            },
            UptimeMs = (long)time.GetElapsedTime(_started).TotalMilliseconds,
            ServerTimeMs = time.GetUtcNow().ToUnixTimeMilliseconds(),
            // Not Process's: that reads a file for each thread, which cost the leader of group 0, which reads its status nine times a second, 20 to 30 ms of CPU a second
            // (tests/Benchmarks, "Idle groups").
            WorkingSetBytes = Environment.WorkingSet,
            DiskFreeBytes = disk.AvailableFreeSpace,
            DiskTotalBytes = disk.TotalSize,
            Log = ToWire(raft.LogStatistics),
            Load = LoadNow(),
            Clock = ToWire(raft.Clock.Status),
            Security = new SecurityStatus
            {
                HasSecret = proof.Authentication.Secret is not null,
                IsRequired = proof.Authentication.IsRequired,
                UnprovenCalls = callers.UnprovenCount,
                UnprovenConnections = raft.UnprovenConnections,
            },
        };

        // After the state was read: a leaving node accepts nothing more, so what it holds now is all that it will hold.
        response.Eventual = leftovers.Now();
        response.Groups.Add(raft.Groups.OrderBy(group => group.Id).Select(TryToWire).OfType<GroupStatus>());
        var open = response.Groups.Select(static group => group.Shard).ToHashSet();
        response.Groups.Add(repairs.Unopened.Where(replica => !open.Contains(replica.Shard.Value)).Select(ToWire));
        return response;
    }

    private LoadStatus LoadNow()
    {
        var summary = writes.Summary();
        return new LoadStatus
        {
            Writes = summary.Count,
            WriteP50Us = (long)summary.P50.TotalMicroseconds,
            WriteP99Us = (long)summary.P99.TotalMicroseconds,
            CopiedBytes = raft.Copies.Taken,
            CopyBytesPerSecond = raft.Copies.BytesPerSecond,
        };
    }

    private static V1.ClockStatus ToWire(Raft.Clocks.ClockStatus clock) => new()
    {
        OffsetMs = (long)clock.Offset.TotalMilliseconds,
        Agreed = clock.IsAgreed,
        Skewed = clock.IsSkewed,
        AheadMs = (long)clock.Ahead.TotalMilliseconds,
        Settled = clock.IsSettled,
    };

    private static LogStatus ToWire(LogStatistics log) => new()
    {
        Syncs = log.Syncs,
        Records = log.Records,
        Bytes = log.Bytes,
        Segments = log.Segments,
        SegmentBytes = log.SegmentBytes,
        CachedBytes = log.CachedBytes,
        Holes = log.Holes,
    };

    /// <summary>Null: it was closed a moment ago.</summary>
    private GroupStatus? TryToWire(RaftGroup group)
    {
        try
        {
            return ToWire(group);
        }
        catch (ObjectDisposedException)
        {
            return null;
        }
    }

    private GroupStatus ToWire(UnopenedReplica replica) => new()
    {
        Group = GroupId.OfShard(replica.Shard).Value,
        Shard = replica.Shard.Value,
        Incarnation = replica.Incarnation,
        Role = ReplicaRole.Stopped,
        State = $"failed: it cannot be opened; the node repeats the attempt: {replica.Why}",
        Rebuilds = repairs.CountOf(replica.Shard),
    };

    private GroupStatus ToWire(RaftGroup group)
    {
        var status = group.Status();
        var replica = group.Id.IsPlacement ? null : shards.Find(group.Id.Shard);
        var wire = new GroupStatus
        {
            Group = group.Id.Value,
            Shard = group.Id.IsPlacement ? -1 : group.Id.Shard.Value,
            Incarnation = status.Incarnation,
            Role = RoleOf(status),
            Term = status.Term,
            Leader = status.Leader?.Value ?? "",
            CommitIndex = status.CommitIndex,
            AppliedIndex = status.Applied.Index,
            DurableIndex = status.DurableIndex,
            FirstIndex = status.LogStart.Index + 1,
            LastIndex = status.LastIndex,
            State = WithKept(StateOf(status), group.Id),
            Revision = replica?.Store.Revision ?? 0,
            Bytes = replica?.Store.Statistics.DataBytes ?? 0,
            Move = status.IsLeader && !group.Id.IsPlacement ? notes.Of(group.Id.Shard) : "",
            CopiedBytes = status.Copy?.Copied ?? 0,
            CopyBytes = status.Copy?.Total ?? 0,
            ReadsPerSecond = status.IsLeader ? replica?.ReadsPerSecond ?? 0 : 0,
            WritesPerSecond = status.IsLeader ? replica?.WritesPerSecond ?? 0 : 0,
            Rebuilds = group.Id.IsPlacement ? 0 : repairs.CountOf(group.Id.Shard),
            NeedsOperator = group.Failure is { Loss: ReplicaLoss.Stopped },
        };
        wire.Voters.Add(status.Voters.Select(voter => voter.Node.Value));
        return wire;
    }

    private string WithKept(string state, GroupId group) =>
        !group.IsPlacement && notes.KeptBecause(group.Shard) is { } why ? $"{state}: kept although the shard map does not name it: {why}" : state;

    private static ReplicaRole RoleOf(Raft.Groups.GroupStatus status) => status.State switch
    {
        ReplicaState.Failed or ReplicaState.Stopped => ReplicaRole.Stopped,
        ReplicaState.Rebuilding => ReplicaRole.Learner,
        _ when !status.IsMember => ReplicaRole.Learner,
        _ => status.IsLeader ? ReplicaRole.Leader : ReplicaRole.Follower,
    };

    private static string StateOf(Raft.Groups.GroupStatus status)
    {
        var word = status.State switch
        {
            ReplicaState.Running when !status.IsMember => "learning",
            ReplicaState.Running when status.IsBehind => "behind",
            ReplicaState.Running => "serving",
            ReplicaState.CatchingUp => "catching-up",
            ReplicaState.Rebuilding => "rebuilding",
            ReplicaState.Failed => "failed",
            _ => "stopped",
        };
        return status.Note is null ? word : $"{word}: {status.Note}";
    }
}
