using KvRaft.Node.Hosting;
using KvRaft.Node.Options;
using KvRaft.Node.Routing;
using KvRaft.Node.Telemetry;
using KvRaft.Placement.State;
using KvRaft.Raft;
using KvRaft.Storage.Engine;
using KvRaft.Storage.Shards;
using KvRaft.Topology;

namespace KvRaft.Node.Shards;

/// <summary>
/// Runs the replicas that the shard map and the moves put on this node: at every change of group 0 it does the difference that
/// <see cref="ShardReconciler"/> finds, and deletes what is over for good. One loop, so no two reconciliations meet.
/// <para>
/// A replica is offered to requests once it is a voter. A learner is not: it knows no leader to send anybody to.
/// </para>
/// </summary>
internal sealed class ShardHost(
    NodeOptions options, Membership.PlacementAgent placement, ShardMapHolder map, ShardTable table, RaftHost raft, IEngineFactory engines,
    ReplicaRetirement retirement, LatencyWindow writes, NodeFailure failure, TimeProvider time, ILogger<ShardHost> logger) : BackgroundService
{
    /// <summary>Opening waits for the disk most of the time; a few at once keep it busy without a crowd of compactions.</summary>
    private const int OpensAtOnce = 4;

    /// <summary>All that run, learners too. Written by the loop, also a lock for <see cref="Offer"/>.</summary>
    private readonly Dictionary<ShardId, ShardReplica> _running = [];

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => failure.GuardAsync(FollowAsync, stoppingToken);

    private async Task FollowAsync(CancellationToken cancellationToken)
    {
        Epoch? followed = null;
        while (true)
        {
            // Taken before looking, so that a map that comes meanwhile is not slept through.
            var news = map.Changes.Next;
            var state = placement.State;
            if (followed != state.Epoch)
            {
                Rest(state);
                await ReconcileAsync(state, cancellationToken);
                followed = state.Epoch;
            }

            await news.WaitAsync(cancellationToken);
        }
    }

    private static bool IsResting(PlacementState state, NodeId self) =>
        state.FindNode(self)?.Standing is NodeStanding.Draining or NodeStanding.Leaving;

    private void Rest(PlacementState state)
    {
        foreach (var replica in _running.Values)
        {
            replica.IsResting = IsResting(state, options.NodeId);
        }
    }

    private async Task ReconcileAsync(PlacementState state, CancellationToken cancellationToken)
    {
        var running = _running.Values.Select(static replica => new RunningReplica(replica.Shard, replica.Group.Incarnation));
        var changes = ShardReconciler.Diff(state.Map, state.Moves, options.NodeId, running);
        if (!changes.IsEmpty)
        {
            logger.FollowsShardMap(options.NodeId, state.Epoch, changes.Open.Count, changes.Close.Count);
            foreach (var replica in changes.Close)
            {
                // Requests that wait for this replica go elsewhere at once; the rest of its end takes its time.
                await retirement.RetireAsync(Withdraw(replica.Shard), state.Map![replica.Shard].Replicas, cancellationToken);
            }

            await Parallel.ForEachAsync(
                changes.Open,
                new ParallelOptions { MaxDegreeOfParallelism = OpensAtOnce, CancellationToken = cancellationToken },
                async (wish, token) => await OpenAsync(wish, token));
        }

        await retirement.DropLeftoversAsync(state, cancellationToken);
    }

    private async Task OpenAsync(ReplicaWish wish, CancellationToken cancellationToken)
    {
        var store = ShardStateMachine.Open(
            ShardDirectory.Of(options.DataDirectory, wish.Shard, wish.Incarnation), engines, ShardSettings.Default);
        var spec = new GroupSpec(GroupId.OfShard(wish.Shard), wish.Incarnation, wish.Voters, wish.IsLearner);
        var group = await OpenGroupAsync(spec, store, cancellationToken);
        var replica = new ShardReplica(wish.Shard, group, store, writes, time) { IsResting = IsResting(placement.State, options.NodeId) };
        lock (_running)
        {
            _running.Add(wish.Shard, replica);
        }

        var news = new LeadershipNews(options.NodeId, replica, map.Changes, logger);
        group.LeadershipChanged += () =>
        {
            Offer(replica);
            news.Tell();
        };
        logger.ShardOpened(options.NodeId, wish.Shard);
        Offer(replica);

        // It may lead already: the only voter needs nobody's word.
        news.Tell();
    }

    /// <summary>Lets requests reach a replica that runs and is a voter. Any thread, any number of times.</summary>
    private void Offer(ShardReplica replica)
    {
        lock (_running)
        {
            if (table.Find(replica.Shard) != replica && replica.Group.IsMember && _running.GetValueOrDefault(replica.Shard) == replica)
            {
                table.Put(replica);
            }
        }
    }

    private ShardReplica Withdraw(ShardId shard)
    {
        ShardReplica? replica;
        lock (_running)
        {
            Invariant.Holds(_running.Remove(shard, out replica), $"Shard {shard} is closed because it runs.");
            table.Remove(shard);
        }

        map.Changes.Raise();
        return replica!;
    }

    private async Task<RaftGroup> OpenGroupAsync(GroupSpec spec, IShardStore store, CancellationToken cancellationToken)
    {
        try
        {
            return await raft.OpenGroupAsync(spec, store, cancellationToken);
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }
}
