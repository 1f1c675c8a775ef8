using KvRaft.Topology;

namespace KvRaft.Placement.State;

/// <summary>
/// A replica on its way from one node to another, as desired state: who does what about it is decided anew from what is really running,
/// so a crash of anybody leaves nothing half-way.
/// </summary>
/// <param name="Shard">The shard; it has one move at most.</param>
/// <param name="From">The replica that goes. It stays in the shard map until the move is finished.</param>
/// <param name="To">The replica that comes, in an incarnation that was never given before on that node.</param>
/// <param name="IsCancelling">Whoever drives the move takes the coming replica out again, unless it is too late for that.</param>
public sealed record ShardMove(ShardId Shard, Replica From, Replica To, bool IsCancelling)
{
    public override string ToString() => $"shard {Shard}: {From} -> {To}{(IsCancelling ? ", being cancelled" : "")}";
}

/// <summary>How a move ended.</summary>
public enum MoveEnd
{
    /// <summary>The new replica took the old one's place.</summary>
    Moved = 1,

    /// <summary>Everything is as it was before.</summary>
    Cancelled = 2,
}

/// <summary>
/// The highest incarnation a shard ever had on a node where it has no replica any more: the next one there must be higher, so that
/// nothing the old one promised or left behind is taken for the new one's.
/// </summary>
public readonly record struct RetiredReplica(ShardId Shard, Replica Replica);
