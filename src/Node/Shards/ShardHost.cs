using KvRaft.Node.Cluster;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Node.Telemetry;
using KvRaft.Placement.State;
using KvRaft.Raft.Consensus;
using KvRaft.Raft.Groups;
using KvRaft.Raft.Membership;
using KvRaft.Storage;
using KvRaft.Storage.Engine;
using KvRaft.Storage.Shards;
using KvRaft.Topology;

namespace KvRaft.Node.Shards;

/// <summary>
/// Runs the replicas that the shard map and the moves assign to this node: at every change of group 0 it applies the difference that
/// <see cref="ShardReconciler"/> finds, and deletes replicas that have ended. One loop, so no two reconciliations overlap.
/// <para>
/// Requests can reach a replica when it is a voter. They cannot reach a learner: it has no leader to name in a refusal.
/// </para>
/// <para>
/// If a replica failed because its stored state is damaged, or because its disk was full, the same loop closes it and opens it again. Damaged state is set
/// aside first, so that the replica copies another one's state. A fault in the files of one replica never ends the node.
/// </para>
/// </summary>
internal sealed class ShardHost(
    NodeOptions options, Cluster.PlacementAgent placement, ShardMapHolder map, ShardTable table, RaftHost raft, IEngineFactory engines,
    ReplicaRetirement retirement, ReplicaRepairs repairs, DiskGuard disk, LatencyWindow writes, NodeFailure failure, TimeProvider time, ILogger<ShardHost> logger) : BackgroundService
{
    /// <summary>Opening mostly waits for the disk; a few at once keep it busy without too many concurrent compactions.</summary>
    private const int OpensAtOnce = 4;

    /// <summary>All running replicas, learners included. Written by the loop; also a lock for <see cref="Offer"/>.</summary>
    private readonly Dictionary<ShardId, ShardReplica> _running = [];

    /// <summary>Replicas opened in this process whose damaged data may still exist, also of an earlier process.</summary>
    private readonly HashSet<ShardId> _mayHaveSetAside = [];

    /// <summary>A replica was closed to be opened again. Used by the loop only.</summary>
    private bool _isReopening;

    /// <summary>A replica is kept that the map does not name, and is checked again. Used by the loop only.</summary>
    private bool _isKeeping;

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => failure.GuardAsync(FollowAsync, stoppingToken);

    private async Task FollowAsync(CancellationToken cancellationToken)
    {
        Epoch? followed = null;
        while (true)
        {
            // Taken before the state is read, so that a map that arrives meanwhile is not missed.
            var news = map.Changes.Next;
            var state = placement.State;
            var isWaiting = await CloseFailedAsync();
            if (followed != state.Epoch || _isReopening || _isKeeping || repairs.ArePending)
            {
                Rest(state);
                _isReopening = false;
                _isKeeping = !await ReconcileAsync(state, isNews: followed != state.Epoch, cancellationToken);
                followed = state.Epoch;
            }

            await repairs.NextAsync(news, DropSetAside() || isWaiting || _isReopening || _isKeeping, cancellationToken);
        }
    }

    /// <summary>
    /// Closes failed replicas that can be repaired, so that they are opened again: one with damaged state without that state, one with a full disk when there
    /// is space.
    /// </summary>
    /// <returns>Some replica waits for disk space.</returns>
    private async Task<bool> CloseFailedAsync()
    {
        var isWaiting = false;
        foreach (var replica in _running.Values.Where(static replica => replica.Group.Failure is { Loss: not ReplicaLoss.Stopped }).ToArray())
        {
            var fault = replica.Group.Failure!;
            if (fault.Loss == ReplicaLoss.Room && !disk.HasRoom)
            {
                isWaiting = true;
                continue;
            }

            logger.ReplicaReopens(options.NodeId, replica.Shard, fault.Loss, fault.Message);
            var applied = replica.Store.Applied.Index;
            Withdraw(replica.Shard);
            await raft.CloseGroupAsync(replica.Group.Id);
            repairs.Closed(replica.Shard, fault, applied);
            if (fault.Loss == ReplicaLoss.State)
            {
                TrySetAside(replica.Shard, replica.Group.Incarnation);
            }

            _isReopening = true;
        }

        return isWaiting;
    }

    private bool TrySetAside(ShardId shard, int incarnation)
    {
        try
        {
            if (ShardDirectory.SetDamagedAside(ShardDirectory.Of(options.DataDirectory, shard, incarnation)) is { } aside)
            {
                logger.ReplicaDamagedSetAside(options.NodeId, shard, aside);
            }

            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The next opening finds the same damage, and repeats this.
            logger.ReplicaNotOpened(options.NodeId, shard, error.Message);
            return false;
        }
    }

    /// <summary>Deletes damaged data of replicas that have a complete state again.</summary>
    /// <returns>There is some left.</returns>
    private bool DropSetAside()
    {
        var isLeft = false;
        foreach (var replica in _running.Values.Where(replica => _mayHaveSetAside.Contains(replica.Shard)))
        {
            if (!replica.IsRunning)
            {
                isLeft = true;
                continue;
            }

            repairs.Healed(replica.Shard);
            try
            {
                if (ShardDirectory.DropDamaged(ShardDirectory.Of(options.DataDirectory, replica.Shard, replica.Group.Incarnation)))
                {
                    logger.ReplicaRepaired(options.NodeId, replica.Shard);
                }

                _mayHaveSetAside.Remove(replica.Shard);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                logger.ReplicaNotOpened(options.NodeId, replica.Shard, error.Message);
            }
        }

        return isLeft;
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

    /// <summary>False: a replica is kept that the map does not name.</summary>
    private async Task<bool> ReconcileAsync(PlacementState state, bool isNews, CancellationToken cancellationToken)
    {
        var kept = new HashSet<ShardId>();
        var running = _running.Values.Select(static replica => new RunningReplica(replica.Shard, replica.Group.Incarnation));
        var changes = ShardReconciler.Diff(state.Map, state.Moves, options.NodeId, running);
        if (!changes.IsEmpty)
        {
            if (isNews)
            {
                logger.FollowsShardMap(options.NodeId, state.Epoch, changes.Open.Count, changes.Close.Count);
            }

            foreach (var replica in changes.Close)
            {
                if (!await retirement.IsProvenOutAsync(replica, state, _running[replica.Shard].Group.Voters(), cancellationToken))
                {
                    kept.Add(replica.Shard);
                    continue;
                }

                // Requests that wait for this replica go to another one at once; the rest of its end takes longer.
                var withdrawn = Withdraw(replica.Shard);
                repairs.Forget(replica.Shard);
                await TryAsync(() => retirement.RetireAsync(withdrawn, state.Map![replica.Shard].Replicas, cancellationToken));
            }

            await Parallel.ForEachAsync(
                changes.Open.Where(wish => !kept.Contains(wish.Shard)),
                new ParallelOptions { MaxDegreeOfParallelism = OpensAtOnce, CancellationToken = cancellationToken },
                async (wish, token) => await TryOpenAsync(wish, token));
        }

        var isDone = true;
        var stillRunning = _running.Values.Select(static replica => new RunningReplica(replica.Shard, replica.Group.Incarnation)).ToHashSet();
        await TryAsync(async () => isDone = await retirement.DropLeftoversAsync(state, stillRunning, cancellationToken));
        return isDone && kept.Count == 0;
    }

    /// <summary>Data that a full or failing disk does not allow to delete now is found again as a leftover.</summary>
    private async Task TryAsync(Func<Task> clean)
    {
        try
        {
            await clean();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or StorageException)
        {
            logger.LeftoverNotDropped(options.NodeId, error.Message);
            _isReopening = true;
        }
    }

    /// <summary>
    /// A fault in the files of one replica affects that replica only: if its state cannot be read, it is opened without a state, and if it cannot be
    /// opened at all, that is repeated. The node and its other replicas continue.
    /// </summary>
    private async Task TryOpenAsync(ReplicaWish wish, CancellationToken cancellationToken)
    {
        if (repairs.Delay(wish.Shard) is not null)
        {
            lock (_running)
            {
                _isReopening = true;
            }

            return;
        }

        for (var isSecond = false; ; isSecond = true)
        {
            try
            {
                repairs.Opened(wish.Shard, await OpenAsync(wish, cancellationToken));
                return;
            }
            catch (Exception error) when (error is StorageException or IOException or UnauthorizedAccessException)
            {
                var fault = ReplicaFault.Of(error);
                logger.ReplicaNotOpened(options.NodeId, wish.Shard, error.Message);
                if (fault.Loss == ReplicaLoss.State && !isSecond && TrySetAside(wish.Shard, wish.Incarnation))
                {
                    repairs.Closed(wish.Shard, fault, applied: 0);
                    continue;
                }

                repairs.Failed(wish.Shard, wish.Incarnation, fault);
                return;
            }
        }
    }

    /// <returns>The loss of state with which the replica was opened.</returns>
    private async Task<ReplicaFault?> OpenAsync(ReplicaWish wish, CancellationToken cancellationToken)
    {
        var store = ShardStateMachine.Open(
            ShardDirectory.Of(options.DataDirectory, wish.Shard, wish.Incarnation), engines, ShardSettings.Default);
        var spec = repairs.Inform(wish.Shard, new GroupSpec(GroupId.OfShard(wish.Shard), wish.Incarnation, wish.Voters, wish.IsLearner));
        var group = await OpenGroupAsync(spec, store, cancellationToken);
        var lost = group.Fault;
        var replica = new ShardReplica(wish.Shard, group, store, writes, time) { IsResting = IsResting(placement.State, options.NodeId) };
        lock (_running)
        {
            _running.Add(wish.Shard, replica);
            _mayHaveSetAside.Add(wish.Shard);
        }

        group.Failed += map.Changes.Raise;

        var news = new LeadershipEvents(options.NodeId, replica, map.Changes, logger);
        group.LeadershipChanged += () =>
        {
            Offer(replica);
            news.Tell();
        };
        logger.ShardOpened(options.NodeId, wish.Shard);
        Offer(replica);

        // It may already be the leader: an only voter needs no other vote.
        news.Tell();
        return lost;
    }

    /// <summary>Makes a replica that runs and is a voter reachable for requests. Any thread, any number of times.</summary>
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
