using KvRaft.Topology;

namespace KvRaft.Placement.State;

/// <summary>
/// A replica that moves from one node to another, as desired state. Each node decides its next step from the actual state, so a crash of any node
/// leaves no move unfinished.
/// </summary>
/// <param name="Shard">The shard; it has at most one move.</param>
/// <param name="From">The replica that is removed. It stays in the shard map until the move ends.</param>
/// <param name="To">The replica that is added, with an incarnation that was never used on that node.</param>
/// <param name="IsCancelling">The driver of the move removes the new replica again, unless the move has passed the point of no return.</param>
public sealed record ShardMove(ShardId Shard, Replica From, Replica To, bool IsCancelling)
{
    public override string ToString() => $"shard {Shard}: {From} -> {To}{(IsCancelling ? ", being cancelled" : "")}";
}

/// <summary>How a move ended.</summary>
public enum MoveEnd
{
    /// <summary>The new replica replaced the old one.</summary>
    Moved = 1,

    /// <summary>The placement is the same as before the move.</summary>
    Cancelled = 2,
}

/// <summary>
/// The highest incarnation that a shard had on a node where it has no replica any more. The next replica there must have a higher one, so that votes
/// and files of the old replica are never attributed to the new one.
/// </summary>
public readonly record struct RetiredReplica(ShardId Shard, Replica Replica);
