using KvRaft.V1;

namespace KvRaft.Client;

/// <summary>The move of one replica of a shard from one node to another.</summary>
/// <param name="IsCancelling">The move is being undone.</param>
/// <param name="Epoch">Of the map that holds the move.</param>
public sealed record KvMove(int Shard, string FromNode, string ToNode, bool IsCancelling, long Epoch)
{
    internal static KvMove From(MoveInfo move) => new(move.Shard, move.FromNode, move.ToNode, move.Cancelling, move.Epoch);
}
