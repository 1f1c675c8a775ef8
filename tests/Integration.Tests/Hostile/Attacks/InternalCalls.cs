using Google.Protobuf;
using KvRaft.V1;

namespace KvRaft.Integration.Tests.Hostile.Attacks;

/// <summary>Calls that only nodes may make, from a client that is not a node.</summary>
internal sealed class InternalCalls : IAttack
{
    public async Task RunAsync(Victim victim, CancellationToken until)
    {
        using var channel = victim.Connect(0);
        var peers = new EventualPeers.EventualPeersClient(channel);
        var moves = new Moves.MovesClient(channel);
        var shards = await new Routing.RoutingClient(channel).GetRoutesAsync(new GetRoutesRequest(), cancellationToken: until);
        var noise = new byte[8 << 20];
        Random.Shared.NextBytes(noise);
        await Victim.RepeatAsync(
            6,
            async (side, token) =>
            {
                if (side % 3 == 0)
                {
                    // A replica that is repeatedly moved to its present node, and a move that no group has finished.
                    var shard = shards.Shards[Random.Shared.Next(shards.Shards.Count)];
                    var replica = shard.Replicas[Random.Shared.Next(shard.Replicas.Count)];
                    await Victim.TryAsync(() => moves.MoveShardAsync(
                        new MoveShardRequest { Shard = shard.Shard, FromNode = replica.NodeId, ToNode = shard.Replicas[0].NodeId }, cancellationToken: token).ResponseAsync);
                    await Victim.TryAsync(() => moves.FinishMoveAsync(new FinishMoveRequest { Shard = shard.Shard, ToNode = replica.NodeId, ToIncarnation = replica.Incarnation, Cancelled = side % 2 == 0 }, cancellationToken: token).ResponseAsync);
                    return;
                }

                var key = new StateKey { Keyspace = Random.Shared.Next(), Token = (ulong)Random.Shared.NextInt64(), Key = ByteString.CopyFromUtf8($"k{side}") };
                await peers.StoreAsync(
                    new StoreStateRequest { Key = key, State = UnsafeByteOperations.UnsafeWrap(noise.AsMemory(0, Random.Shared.Next(noise.Length))), Durable = true },
                    cancellationToken: token);
                await peers.FetchAsync(new FetchStateRequest { Key = key }, cancellationToken: token);
            },
            until);
    }
}
