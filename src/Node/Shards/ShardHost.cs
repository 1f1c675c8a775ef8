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
/// Runs the replicas that the shard map and the moves put on this node: at every change of group 0 it does the difference that
/// <see cref="ShardReconciler"/> finds, and deletes what is over for good. One loop, so no two reconciliations meet.
/// <para>
/// A replica is offered to requests once it is a voter. A learner is not: it knows no leader to send anybody to.
/// </para>
/// <para>
/// A replica that failed because its stored state is damaged, or because its disk was full, is closed and opened again by the same loop: the damaged state is set
/// aside first, so that the group copies another. What is wrong with the files of one replica never ends the node.
/// </para>
/// </summary>
internal sealed class ShardHost(
    NodeOptions options, Cluster.PlacementAgent placement, ShardMapHolder map, ShardTable table, RaftHost raft, IEngineFactory engines,
    ReplicaRetirement retirement, ReplicaRepairs repairs, DiskGuard disk, LatencyWindow writes, NodeFailure failure, TimeProvider time, ILogger<ShardHost> logger) : BackgroundService
{
    /// <summary>Opening waits for the disk most of the time; a few at once keep it busy without a crowd of compactions.</summary>
    private const int OpensAtOnce = 4;

    /// <summary>All that run, learners too. Written by the loop, also a lock for <see cref="Offer"/>.</summary>
    private readonly Dictionary<ShardId, ShardReplica> _running = [];

    /// <summary>Replicas opened in this process whose damaged data may still be there, of an earlier process too.</summary>
    private readonly HashSet<ShardId> _mayHaveSetAside = [];

    /// <summary>A replica was closed to be opened again. The loop's own.</summary>
    private bool _isReopening;

    /// <summary>Something is kept that the map does not name, and is looked at again. The loop's own.</summary>
    private bool _isKeeping;

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => failure.GuardAsync(FollowAsync, stoppingToken);

    private async Task FollowAsync(CancellationToken cancellationToken)
    {
        Epoch? followed = null;
        while (true)
        {
            // Taken before looking, so that a map that comes meanwhile is not slept through.
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
    /// Closes replicas that failed and can be helped, so that they are opened again: one whose state is damaged without it, one whose disk was full when there
    /// is room.
    /// </summary>
    /// <returns>Some replica waits for room.</returns>
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
            // Opening it meets the same damage, and tries this again.
            logger.ReplicaNotOpened(options.NodeId, shard, error.Message);
            return false;
        }
    }

    /// <summary>Deletes damaged data of replicas that have a whole state again.</summary>
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

    /// <summary>False: something is kept that the map does not name.</summary>
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

                // Requests that wait for this replica go elsewhere at once; the rest of its end takes its time.
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

    /// <summary>What a full or failing disk does not let be deleted now is found again as a leftover.</summary>
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
    /// What is wrong with one replica's files concerns that replica: it is opened without a state where the one it has cannot be read, and tried again where it cannot be
    /// opened at all. The node and its other replicas go on.
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

    /// <returns>What the replica was opened without.</returns>
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
        return lost;
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
