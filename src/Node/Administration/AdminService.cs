using Grpc.Core;
using KvRaft.Node.Control;
using KvRaft.Node.Requests;
using KvRaft.Node.Shards;
using KvRaft.Raft.Groups;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Administration;

/// <summary>For operators and tests: calls about the node that receives them, never forwarded.</summary>
internal sealed class AdminService(OwnStatus own, ShardTable shards, RaftHost raft, WholeShardWork work) : Admin.AdminBase
{
    public override Task<StatusResponse> Status(StatusRequest request, ServerCallContext context)
    {
#pragma warning disable CS0612 // The field exists to be refused: otherwise a caller that sets it would be ignored without a message.
        return request.CopyBytesPerSecond == 0
            ? Task.FromResult(own.Now())
            : throw RpcStatus.ToException(Failure.Invalid("copy_bytes_per_second", "status changes nothing; the pace of copies is set by Schedulers.SetConfig"));
#pragma warning restore CS0612
    }

    public override Task<StatusResponse> Heartbeat(HeartbeatRequest request, ServerCallContext context)
    {
        if (request.CopyBytesPerSecond > 0)
        {
            raft.Copies.BytesPerSecond = request.CopyBytesPerSecond;
        }

        return Task.FromResult(own.Now());
    }

    public override Task<DigestResponse> Digest(DigestRequest request, ServerCallContext context)
    {
        var store = Replica(request.Shard).Store;
        return work.RunAsync(
            () =>
            {
                var (position, revision, digest) = store.DigestAtPosition();
                return Task.FromResult(new DigestResponse
                {
                    Shard = request.Shard,
                    AppliedIndex = position.Index,
                    Revision = revision,
                    Digest = DigestBytes.Of(digest),
                    Keys = store.Statistics.Keys,
                });
            },
            context.CancellationToken);
    }

    public override Task<FlushResponse> Flush(FlushRequest request, ServerCallContext context)
    {
        var replica = Replica(request.Shard);
        return work.RunAsync(
            async () =>
            {
                // Without the entries that the log keeps, a follower that is a few entries behind would need the whole state.
                await replica.Group.FlushAsync(context.CancellationToken);
                return new FlushResponse { FlushedIndex = replica.Store.Durable.Index };
            },
            context.CancellationToken);
    }

    public override Task<SnapshotResponse> Snapshot(SnapshotRequest request, ServerCallContext context)
    {
        var group = Replica(request.Shard).Group;
        return work.RunAsync(
            async () =>
            {
                var (position, bytes) = await group.TryCheckpointAsync(context.CancellationToken);
                return new SnapshotResponse { Index = position.Index, Term = position.Term, Bytes = bytes };
            },
            context.CancellationToken);
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
            throw RpcStatus.ToException(Failure.Invalid("to_node", $"'{node}' is unreachable or behind; this node remains the leader"));
        }
    }

    private ShardReplica Replica(int shard) =>
        (shard >= 0 ? shards.Find(new ShardId(shard)) : null)
        ?? throw RpcStatus.ToException(Failure.Invalid("shard", $"this node has no replica of shard {shard}"));
}
