using Grpc.Core;
using KvRaft.Node.Cluster;
using KvRaft.Node.Options;
using KvRaft.Node.Telemetry;
using KvRaft.Placement.State;
using KvRaft.Raft.Groups;
using KvRaft.Raft.Membership;
using KvRaft.Storage.Shards;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Shards;

/// <summary>
/// The end of a replica that is no longer wanted: it is compared with a replica that stays, at the same entry of the log, and deleted. The replica that
/// stays reports its digest and the entry at which it computed it; the old replica applies the committed entries up to exactly that entry. If the
/// comparison is not possible (the node is unreachable, its log begins later), that is logged, and the data is deleted all the same: the others
/// are a quorum without it. If the digests differ, one of the replicas is wrong, and the comparison does not show which: the data is set
/// aside.
/// <para>
/// The shard map alone permits no deletion: first the leader of the shard's group must prove, by a quorum round, that the replica no longer
/// votes there. While it votes, or while no leader can prove anything, the replica is kept unchanged, which is logged and shown in the status.
/// </para>
/// </summary>
internal sealed class ReplicaRetirement(
    NodeOptions options, RaftHost raft, Cluster.PlacementAgent placement, Shards.MoveNotes notes, PeerDirectory peers, TimeProvider time, ILogger<ReplicaRetirement> logger)
{
    /// <summary>For the digest of the replica that stays and the entries up to it. A shard of some GiB is read in this time.</summary>
    private static readonly TimeSpan CompareTimeout = TimeSpan.FromSeconds(30);

    /// <summary>Of group 0's log, for a node that was away for a while: its entries are small and few.</summary>
    private const int PlacementEntriesKept = 1024;

    private readonly LineThrottle _keptLines = new(time);

    /// <summary>
    /// Whether it is certain that a replica of this node no longer votes in its group, so that its data may be deleted. If not, that is logged and shown.
    /// </summary>
    /// <param name="replica">On this node; running or not.</param>
    /// <param name="state">The state of group 0.</param>
    /// <param name="known">The voters by the replica's own configuration; empty if it does not run.</param>
    /// <param name="stoppingToken">Ends the waiting.</param>
    public async Task<bool> IsProvenOutAsync(RunningReplica replica, PlacementState state, IReadOnlyList<GroupVoter> known, CancellationToken stoppingToken)
    {
        var candidates = state.Map![replica.Shard].Replicas.Select(static each => new GroupVoter(each.Node, each.Incarnation)).Concat(known);
        if (state.MoveOf(replica.Shard) is { } move)
        {
            candidates = candidates.Append(new GroupVoter(move.To.Node, move.To.Incarnation));
        }

        var voters = await raft.ProveVotersAsync(GroupId.OfShard(replica.Shard), [.. candidates.Distinct()], stoppingToken);
        var why = voters is null ? "no leader of its group could prove whether it still votes"
            : voters.Contains(new GroupVoter(options.NodeId, replica.Incarnation)) ? "it still votes in its group"
            : "";
        notes.SetKept(replica.Shard, why);
        if (why.Length > 0 && _keptLines.TryPass(out var suppressed))
        {
            logger.ReplicaKept(options.NodeId, replica.Shard, replica.Incarnation, why, suppressed);
        }

        return why.Length == 0;
    }

    /// <summary>Ends a running replica that no request can reach any more, and that is proven to be no voter.</summary>
    public async Task RetireAsync(ShardReplica replica, IReadOnlyList<Replica> staying, CancellationToken stoppingToken)
    {
        var differs = await IsDifferentAsync(replica, staying, stoppingToken);
        await raft.CloseGroupAsync(replica.Group.Id);
        if (differs)
        {
            var aside = ShardDirectory.SetAside(ShardDirectory.Of(options.DataDirectory, replica.Shard, replica.Group.Incarnation));
            logger.ReplicaSetAside(options.NodeId, replica.Shard, aside);
        }

        await DropAsync(new RunningReplica(replica.Shard, replica.Group.Incarnation), stoppingToken);
    }

    /// <summary>Deletes the data of replicas that have ended: by a crash, or because they were never opened again.</summary>
    /// <param name="state">The state to which the running replicas were reconciled; a newer one could name one that still runs.</param>
    /// <param name="running">Those are ended elsewhere.</param>
    /// <param name="stoppingToken">Ends it in between.</param>
    /// <returns>False: some are kept, because it is not certain that their group can operate without them.</returns>
    public async Task<bool> DropLeftoversAsync(PlacementState state, IReadOnlySet<RunningReplica> running, CancellationToken stoppingToken)
    {
        var isDone = true;
        var found = raft.Replicas()
            .Where(static replica => !replica.Group.IsPlacement)
            .Select(static replica => new RunningReplica(replica.Group.Shard, replica.Incarnation))
            .Concat(ShardDirectory.Found(options.DataDirectory))
            .Distinct()
            .Where(replica => !running.Contains(replica) && replica.Shard.Value < (state.Map?.ShardCount ?? 0)
                && state.IsOver(replica.Shard, new Replica(options.NodeId, replica.Incarnation)));
        foreach (var replica in found.ToArray())
        {
            if (!await IsProvenOutAsync(replica, state, [], stoppingToken))
            {
                isDone = false;
                continue;
            }

            logger.LeftoverFound(options.NodeId, replica.Shard, replica.Incarnation);
            await DropAsync(replica, stoppingToken);
        }

        return isDone;
    }

    private async Task DropAsync(RunningReplica replica, CancellationToken stoppingToken)
    {
        // This node's state of group 0 must outlive the data: a restart with an older map would found an empty replica in its place.
        await placement.Group.FlushAsync(PlacementEntriesKept, stoppingToken);
        var directory = ShardDirectory.Of(options.DataDirectory, replica.Shard, replica.Incarnation);
        ShardStateMachine.Drop(directory);
        ShardDirectory.DropDamaged(directory);
        await raft.DropReplicaAsync(new GroupReplica(GroupId.OfShard(replica.Shard), replica.Incarnation));
        logger.ReplicaDropped(options.NodeId, replica.Shard, replica.Incarnation);
    }

    private async Task<bool> IsDifferentAsync(ShardReplica replica, IReadOnlyList<Replica> staying, CancellationToken stoppingToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        limit.CancelAfter(CompareTimeout);
        var why = "no other replica is recorded";

        // A digest reads everything, so the leader, which writers wait for, comes last.
        var leader = replica.Leader;
        foreach (var other in staying.Where(other => other.Node != options.NodeId).OrderBy(other => other.Node == leader))
        {
            try
            {
                if (peers.Find(other.Node) is not { } peer)
                {
                    continue;
                }

                var theirs = await peer.Admin.DigestAsync(
                    new DigestRequest { Shard = replica.Shard.Value },
                    new CallOptions(deadline: time.GetUtcNow().UtcDateTime + CompareTimeout, cancellationToken: limit.Token));
                await replica.Group.CatchUpToAsync(new GroupVoter(other.Node, other.Incarnation), theirs.AppliedIndex, limit.Token);
                var (position, _, digest) = replica.Store.DigestAtPosition();
                if (position.Index != theirs.AppliedIndex)
                {
                    why = $"it has applied up to {position.Index}, {other} up to {theirs.AppliedIndex}";
                    continue;
                }

                var equal = DigestBytes.Of(digest).Span.SequenceEqual(theirs.Digest.Span);
                logger.DigestCompared(options.NodeId, replica.Shard, other, position.Index, digest, equal);
                return !equal;
            }
            catch (Exception error) when (
                error is RpcException or IOException or ObjectDisposedException
                || (error is OperationCanceledException && !stoppingToken.IsCancellationRequested))
            {
                why = error is RpcException { Status.Detail: var detail } ? detail : error.Message;
            }
        }

        logger.DigestNotCompared(options.NodeId, replica.Shard, why);
        return false;
    }
}
