using System.Diagnostics;
using Grpc.Core;
using KvRaft.Node.Options;
using KvRaft.Node.Routing;
using KvRaft.Node.Shards;
using KvRaft.Raft;
using KvRaft.Raft.Log;
using KvRaft.Topology;
using KvRaft.V1;
using GroupStatus = KvRaft.V1.GroupStatus;

namespace KvRaft.Node.Services;

/// <summary>For operators and tests: about the node that is asked, never forwarded.</summary>
internal sealed class AdminService(
    NodeOptions options, ShardMapHolder map, ShardTable shards, RaftHost raft, TimeProvider time) : Admin.AdminBase
{
    private readonly long _started = time.GetTimestamp();

    public override Task<StatusResponse> Status(StatusRequest request, ServerCallContext context)
    {
        using var process = Process.GetCurrentProcess();
        var disk = new DriveInfo(Path.GetFullPath(options.DataDirectory));
        var response = new StatusResponse
        {
            ClusterId = options.ClusterId.ToString(),
            NodeId = options.NodeId.Value,
            ServerVersion = ServerVersion.Text,
            RingEpoch = map.Current.Epoch.Value,
            State = NodeState.Up,
            UptimeMs = (long)time.GetElapsedTime(_started).TotalMilliseconds,
            ServerTimeMs = time.GetUtcNow().ToUnixTimeMilliseconds(),
            WorkingSetBytes = process.WorkingSet64,
            DiskFreeBytes = disk.AvailableFreeSpace,
            DiskTotalBytes = disk.TotalSize,
            Log = ToWire(raft.LogStatistics),
        };
        response.Groups.Add(raft.Groups.OrderBy(group => group.Id).Select(ToWire));
        return Task.FromResult(response);
    }

    public override Task<DigestResponse> Digest(DigestRequest request, ServerCallContext context)
    {
        var store = Replica(request.Shard).Store;
        var (position, revision, digest) = store.DigestAtPosition();
        return Task.FromResult(new DigestResponse
        {
            Shard = request.Shard,
            AppliedIndex = position.Index,
            Revision = revision,
            Digest = DigestBytes.Of(digest),
            Keys = store.Statistics.Keys,
        });
    }

    public override async Task<FlushResponse> Flush(FlushRequest request, ServerCallContext context)
    {
        var replica = Replica(request.Shard);
        await replica.Group.FlushAsync(keepEntries: 0, context.CancellationToken);
        return new FlushResponse { FlushedIndex = replica.Store.Durable.Index };
    }

    public override async Task<SnapshotResponse> Snapshot(SnapshotRequest request, ServerCallContext context)
    {
        var (position, bytes) = await Replica(request.Shard).Group.TryCheckpointAsync(context.CancellationToken);
        return new SnapshotResponse { Index = position.Index, Term = position.Term, Bytes = bytes };
    }

    public override async Task<ResignResponse> Resign(ResignRequest request, ServerCallContext context)
    {
        var group = raft.Groups.FirstOrDefault(group => group.Id.Value == request.Group)
            ?? throw RpcStatus.ToException(Failure.Invalid("group", $"this node has no replica of group {request.Group}"));
        var led = group.IsLeader;
        if (request.ToNode.Length == 0)
        {
            await group.ResignAsync(context.CancellationToken);
        }
        else if (led)
        {
            await HandOverAsync(group, request.ToNode, context.CancellationToken);
        }

        return new ResignResponse { WasLeader = led };
    }

    private static async Task HandOverAsync(RaftGroup group, string node, CancellationToken cancellationToken)
    {
        var successor = group.Voters().FirstOrDefault(voter => voter.Node.Value == node);
        if (successor == default)
        {
            throw RpcStatus.ToException(Failure.Invalid("to_node", $"'{node}' is no voter of group {group.Id}"));
        }

        if (!await group.TransferLeadershipAsync(successor, cancellationToken))
        {
            throw RpcStatus.ToException(Failure.Invalid("to_node", $"'{node}' is away or behind; this node goes on leading"));
        }
    }

    private ShardReplica Replica(int shard) =>
        (shard >= 0 ? shards.Find(new ShardId(shard)) : null)
        ?? throw RpcStatus.ToException(Failure.Invalid("shard", $"this node has no replica of shard {shard}"));

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
            State = StateOf(status),
            Revision = replica?.Store.Revision ?? 0,
            Bytes = replica?.Store.Statistics.DataBytes ?? 0,
        };
        wire.Voters.Add(status.Voters.Select(voter => voter.Node.Value));
        return wire;
    }

    private static ReplicaRole RoleOf(Raft.GroupStatus status) => status.State switch
    {
        ReplicaState.Failed or ReplicaState.Stopped => ReplicaRole.Stopped,
        ReplicaState.Rebuilding => ReplicaRole.Learner,
        _ when !status.IsMember => ReplicaRole.Learner,
        _ => status.IsLeader ? ReplicaRole.Leader : ReplicaRole.Follower,
    };

    private static string StateOf(Raft.GroupStatus status)
    {
        var word = status.State switch
        {
            ReplicaState.Running when !status.IsMember => "learning",
            ReplicaState.Running => "serving",
            ReplicaState.CatchingUp => "catching-up",
            ReplicaState.Rebuilding => "rebuilding",
            ReplicaState.Failed => "failed",
            _ => "stopped",
        };
        return status.Note is null ? word : $"{word}: {status.Note}";
    }
}
