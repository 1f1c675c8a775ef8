using KvRaft.Node.Cluster;
using KvRaft.Node.Requests;
using KvRaft.Node.Routing;
using KvRaft.Placement.State;
using KvRaft.Raft.Groups;
using KvRaft.Raft.Membership;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Control;

/// <summary>
/// Ends a move in group 0, on the node that leads it. It does not rely on the caller for the members of the shard's group: it requests that the shard's leader
/// proves the voters by a quorum round. If the map named replicas that do not vote, or left out one that does, nodes would delete data that the
/// group still needs.
/// </summary>
internal sealed class MoveFinisher(PlacementAgent agent, PlacementRouter router, RaftHost raft, DeadlineTokens tokens, TimeProvider time)
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(250);

    /// <summary>Called on the leader of group 0.</summary>
    public async Task<Answered<FinishMoveResponse>> FinishHereAsync(ShardId shard, Replica to, MoveEnd end, Deadline deadline)
    {
        if (agent.State.Map is { } map && shard.Value < map.ShardCount && agent.State.MoveOf(shard) is { } move && move.To == to)
        {
            var voters = await ProveAsync(map[shard], move, deadline);
            if (WhyNot(move, end, voters) is { } why)
            {
                // If no leader can prove the voters now, one may in a moment; if the proof shows other voters, the caller made a mistake.
                return voters is null ? new Failure(ErrorReasons.NoLeader, Execution.NotExecuted, why) { RetryAfter = RetryDelay } : Failure.Invalid("shard", why);
            }
        }

        // Another move, or none: the answer of the rules needs no proof, and changes nothing.
        return await router.ProposeAsync<FinishMoveResponse>(
            new FinishMove(shard, to, end, time.GetUtcNow().ToUnixTimeMilliseconds()),
            static outcome => new FinishMoveResponse { Epoch = ((MoveFinished)outcome).Epoch.Value },
            deadline);
    }

    /// <summary>Null if the group's members are those of the end of the move. Pure.</summary>
    /// <param name="move">The move in progress.</param>
    /// <param name="end">The end that the caller reported.</param>
    /// <param name="voters">The proven voters; null: no leader could prove any.</param>
    internal static string? WhyNot(ShardMove move, MoveEnd end, IReadOnlyList<GroupVoter>? voters)
    {
        if (voters is null)
        {
            return $"no leader of shard {move.Shard} proves the voters; {move} is not finished";
        }

        var (stays, goes) = end == MoveEnd.Moved ? (move.To, move.From) : (move.From, move.To);
        return !voters.Contains(ToVoter(stays)) ? $"{stays} does not vote in shard {move.Shard}; {move} is not finished"
            : voters.Contains(ToVoter(goes)) ? $"{goes} still votes in shard {move.Shard}; {move} is not finished"
            : null;
    }

    private async Task<IReadOnlyList<GroupVoter>?> ProveAsync(ShardDescriptor shard, ShardMove move, Deadline deadline)
    {
        try
        {
            return await raft.ProveVotersAsync(GroupId.OfShard(shard.Id), [.. shard.Replicas.Append(move.To).Select(ToVoter)], tokens.For(deadline));
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    private static GroupVoter ToVoter(Replica replica) => new(replica.Node, replica.Incarnation);
}
