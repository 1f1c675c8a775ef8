using KvRaft.Node.Hosting;
using KvRaft.Node.Options;
using KvRaft.Node.Routing;
using KvRaft.Node.Telemetry;
using KvRaft.Raft;
using KvRaft.Storage.Engine;
using KvRaft.Storage.Shards;
using KvRaft.Topology;

namespace KvRaft.Node.Shards;

/// <summary>
/// Runs the replicas that the shard map puts on this node: at every new map it does the difference that
/// <see cref="ShardReconciler"/> finds. One loop, so no two reconciliations meet.
/// <para>
/// A replica's files are in <c>shards/s{shard}-r{incarnation}</c>, so a wiped replica that comes back as another incarnation never
/// opens what the old one left.
/// </para>
/// </summary>
internal sealed class ShardHost(
    NodeOptions options, ShardMapHolder map, ShardTable table, RaftHost raft, IEngineFactory engines,
    NodeFailure failure, TimeProvider time, ILogger<ShardHost> logger) : BackgroundService
{
    /// <summary>Opening waits for the disk most of the time; a few at once keep it busy without a crowd of compactions.</summary>
    private const int OpensAtOnce = 4;

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => failure.GuardAsync(FollowAsync, stoppingToken);

    private async Task FollowAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            // Taken before looking, so that a map that comes meanwhile is not slept through.
            var news = map.Changes.Next;
            await ReconcileAsync(map.Current, cancellationToken);
            await news.WaitAsync(cancellationToken);
        }
    }

    private async Task ReconcileAsync(RoutingView view, CancellationToken cancellationToken)
    {
        var running = table.All.Select(replica => new RunningReplica(replica.Shard, replica.Group.Incarnation));
        var changes = ShardReconciler.Diff(view.Map, options.NodeId, running);
        if (changes.IsEmpty)
        {
            return;
        }

        logger.FollowsShardMap(options.NodeId, view.Epoch, changes.Open.Count, changes.Close.Count);
        foreach (var replica in changes.Close)
        {
            table.Remove(replica.Shard);
            await raft.CloseGroupAsync(GroupId.OfShard(replica.Shard));
        }

        await Parallel.ForEachAsync(
            changes.Open,
            new ParallelOptions { MaxDegreeOfParallelism = OpensAtOnce, CancellationToken = cancellationToken },
            async (wish, token) => await OpenAsync(wish, token));
    }

    private async Task OpenAsync(ReplicaWish wish, CancellationToken cancellationToken)
    {
        var directory = Path.Combine(options.DataDirectory, "shards", $"s{wish.Shard}-r{wish.Incarnation}");
        var store = ShardStateMachine.Open(directory, engines, ShardSettings.Default);
        var spec = new GroupSpec(GroupId.OfShard(wish.Shard), wish.Incarnation, wish.Voters);
        var group = await OpenGroupAsync(spec, store, cancellationToken);
        var replica = new ShardReplica(wish.Shard, group, store, time);
        group.LeadershipChanged += new LeadershipNews(options.NodeId, replica, map.Changes, logger).Tell;
        lock (table)
        {
            table.Put(replica);
        }

        logger.ShardOpened(options.NodeId, wish.Shard);
        map.Changes.Raise();
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
