using Grpc.Core;
using KvRaft.Node.Cluster;
using KvRaft.Node.Control;
using KvRaft.Node.Requests;
using KvRaft.Placement.State;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Administration;

/// <summary>Moves of shards: changes go to the leader of group 0, on whichever node; the list is the state that this node has received.</summary>
internal sealed class MovesService(PlacementCalls calls, PlacementAgent agent, MoveFinisher finisher, TimeProvider time) : Moves.MovesBase
{
    public override Task<MoveInfo> MoveShard(MoveShardRequest request, ServerCallContext context)
    {
        var command = new StartMove(
            ToShard(request.Shard), PlacementWire.ToNode("from_node", request.FromNode), PlacementWire.ToNode("to_node", request.ToNode), time.GetUtcNow().ToUnixTimeMilliseconds());
        return calls.ChangeAsync<MoveInfo>(
            command,
            static outcome => ToWire(((MoveStarted)outcome).Move, ((MoveStarted)outcome).Epoch),
            (peer, call) => peer.Moves.MoveShardAsync(request, call),
            static (answer, state) => state.Epoch.Value >= answer.Epoch,
            context);
    }

    public override Task<MoveInfo> CancelMove(CancelMoveRequest request, ServerCallContext context) => calls.ChangeAsync<MoveInfo>(
        new CancelMove(ToShard(request.Shard)),
        static outcome => ToWire(((MoveCancelling)outcome).Move, ((MoveCancelling)outcome).Epoch),
        (peer, call) => peer.Moves.CancelMoveAsync(request, call),
        static (answer, state) => state.Epoch.Value >= answer.Epoch,
        context);

    public override Task<FinishMoveResponse> FinishMove(FinishMoveRequest request, ServerCallContext context)
    {
        if (request.ToIncarnation is < Replica.IncarnationFirst or > int.MaxValue)
        {
            throw RpcStatus.ToException(Failure.Invalid("to_incarnation", "from 1"));
        }

        var to = new Replica(PlacementWire.ToNode("to_node", request.ToNode), (int)request.ToIncarnation);
        var shard = ToShard(request.Shard);
        return calls.ChangeAsync<FinishMoveResponse>(
            deadline => finisher.FinishHereAsync(shard, to, request.Cancelled ? MoveEnd.Cancelled : MoveEnd.Moved, deadline),
            (peer, call) => peer.Moves.FinishMoveAsync(request, call),
            static (answer, state) => state.Epoch.Value >= answer.Epoch,
            context);
    }

    public override Task<ListMovesResponse> ListMoves(ListMovesRequest request, ServerCallContext context)
    {
        var state = agent.State;
        var response = new ListMovesResponse { Epoch = state.Epoch.Value };
        response.Moves.Add(state.Moves.Select(move => ToWire(move, state.Epoch)));
        return Task.FromResult(response);
    }

    private static MoveInfo ToWire(ShardMove move, Epoch epoch) => new()
    {
        Shard = move.Shard.Value,
        FromNode = move.From.Node.Value,
        FromIncarnation = move.From.Incarnation,
        ToNode = move.To.Node.Value,
        ToIncarnation = move.To.Incarnation,
        Cancelling = move.IsCancelling,
        Epoch = epoch.Value,
    };

    private static ShardId ToShard(int shard) => shard is >= 0 and < ShardMap.ShardCountMax
        ? new ShardId(shard)
        : throw RpcStatus.ToException(Failure.Invalid("shard", $"no cluster has a shard {shard}"));
}
