using KvRaft.Node.Routing;
using KvRaft.Raft;
using KvRaft.Storage.Shards;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Shards;

/// <summary>
/// One shard on this node: the replica of its Raft group, and the store that the group drives. A write is a proposal whose
/// outcome comes back from apply; a linearizable read is a barrier, then a look into the store. Neither is retried here: what is
/// certain not to have been executed says so, and the router decides. Thread-safe.
/// </summary>
internal sealed class ShardReplica(ShardId shard, RaftGroup group, IShardStore store)
{
    /// <summary>What a refused caller is told to wait: about the time a full queue takes to empty.</summary>
    private static readonly TimeSpan OverloadDelay = TimeSpan.FromMilliseconds(50);

    public ShardId Shard => shard;

    public RaftGroup Group => group;

    /// <summary>What this replica has applied; any read of it is at least as old as <see cref="BarrierAsync"/> made sure.</summary>
    public IShardStore Store => store;

    public bool IsLeader => group.IsLeader;

    /// <summary>Who leads, as this replica knows; null if it has heard of nobody.</summary>
    public NodeId? Leader => group.Leader;

    /// <summary>Proposes a command and waits until it was applied here.</summary>
    public async ValueTask<WriteResult> WriteAsync(ShardCommand command, CancellationToken cancellationToken)
    {
        var result = await group.ProposeAsync(CommandCodec.Encode(command), cancellationToken);
        return result.Status switch
        {
            ProposalStatus.Applied => new WriteResult((ShardOutcome)result.Outcome!, result.Position, null),
            ProposalStatus.NotLeader or ProposalStatus.Stopped => NotLeader(result.Leader),
            ProposalStatus.Overloaded => Failure.Overloaded($"the proposal queue of shard {shard}", OverloadDelay),
            ProposalStatus.Expired => Failure.Deadline(Execution.NotExecuted),
            ProposalStatus.TooLarge => Failure.Invalid("operation", "larger than one log entry may be"),
            ProposalStatus.Unknown => cancellationToken.IsCancellationRequested
                ? Failure.Deadline(Execution.Unknown)
                : Failure.OutcomeUnknown(shard),
            _ => throw new InvalidOperationException($"a proposal answered {result.Status}"),
        };
    }

    /// <summary>Null: a read of <see cref="Store"/> from now on is linearizable. Otherwise why it cannot be proven.</summary>
    public async ValueTask<Failure?> BarrierAsync(CancellationToken cancellationToken)
    {
        try
        {
            var barrier = await group.ReadBarrierAsync(cancellationToken);
            return barrier.Status switch
            {
                ReadBarrierStatus.Passed => null,
                ReadBarrierStatus.NotLeader => NotLeader(barrier.Leader),
                _ => Failure.QuorumLost(shard, Execution.NotExecuted, OverloadDelay),
            };
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return Failure.Deadline(Execution.NotExecuted);
        }
    }

    /// <summary>A hint without addresses: the router, which knows them, fills them in where a client will see it.</summary>
    private Failure NotLeader(NodeId? leader) =>
        Failure.NotLeader(new RouteHint { Shard = shard.Value, LeaderNode = leader?.Value ?? "", Term = group.Term });
}
