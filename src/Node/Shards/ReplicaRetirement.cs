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
/// The end of a replica that is wanted no more: it is compared with one that stays, at the same entry of the log, and deleted. The one that
/// stays says its digest and at which entry it took it; the one that goes takes over the committed entries up to exactly there. Where the
/// comparison cannot be had (the node is away, its log begins later), that is said, and the data goes all the same: the others
/// are a quorum of their own. Where the digests differ, one of the replicas is wrong, and nobody knows which: the data is set
/// aside.
/// <para>
/// What the shard map says is not enough to delete anything: before that, the leader of the shard's group must prove, by a quorum round, that the replica does not
/// vote there any more. While it votes, or while nobody can prove anything, the replica is kept as it is, which is logged and shown in the status.
/// </para>
/// </summary>
internal sealed class ReplicaRetirement(
    NodeOptions options, RaftHost raft, Cluster.PlacementAgent placement, Shards.MoveNotes notes, PeerDirectory peers, TimeProvider time, ILogger<ReplicaRetirement> logger)
{
    /// <summary>For the digest of the one that stays and the entries up to it. A shard of some GiB is read in this time.</summary>
    private static readonly TimeSpan CompareTimeout = TimeSpan.FromSeconds(30);

    /// <summary>Of group 0's log, for a node that was away for a while: its entries are small and few.</summary>
    private const int PlacementEntriesKept = 1024;

    private readonly LineThrottle _keptLines = new(time);

    /// <summary>
    /// Is it certain that a replica of this node does not vote in its group any more, so that its data may go? If not, that is logged and shown.
    /// </summary>
    /// <param name="replica">Here; running or not.</param>
    /// <param name="state">Of group 0.</param>
    /// <param name="known">Who votes as far as the replica itself knows; empty if it does not run.</param>
    /// <param name="stoppingToken">Ends the waiting.</param>
    public async Task<bool> IsProvenOutAsync(RunningReplica replica, PlacementState state, IReadOnlyList<GroupVoter> known, CancellationToken stoppingToken)
    {
        var candidates = state.Map![replica.Shard].Replicas.Select(static each => new GroupVoter(each.Node, each.Incarnation)).Concat(known);
        if (state.MoveOf(replica.Shard) is { } move)
        {
            candidates = candidates.Append(new GroupVoter(move.To.Node, move.To.Incarnation));
        }

        var voters = await raft.ProveVotersAsync(GroupId.OfShard(replica.Shard), [.. candidates.Distinct()], stoppingToken);
        var why = voters is null ? "no leader of its group could be asked whether it still votes"
            : voters.Contains(new GroupVoter(options.NodeId, replica.Incarnation)) ? "it still votes in its group"
            : "";
        notes.SetKept(replica.Shard, why);
        if (why.Length > 0 && _keptLines.TryPass(out var suppressed))
        {
            logger.ReplicaKept(options.NodeId, replica.Shard, replica.Incarnation, why, suppressed);
        }

        return why.Length == 0;
    }

    /// <summary>Ends a running replica that no request can reach any more, and that is proven out of its group.</summary>
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

    /// <summary>Deletes what is left of replicas that are over for good: by a crash, or because they were never opened again.</summary>
    /// <param name="state">What the running replicas were brought to; a newer one could name one that still runs.</param>
    /// <param name="running">Those are ended elsewhere.</param>
    /// <param name="stoppingToken">Ends it in between.</param>
    /// <returns>False: some are kept, because it is not certain that their group does without them.</returns>
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
        // What this node knows of group 0 must outlive the data: a restart with an older map would found an empty replica in its place.
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
        var why = "no other replica is known";

        // A digest reads everything, so the leader, which writers wait for, is asked last.
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
                    why = $"it stands at {position.Index}, {other} at {theirs.AppliedIndex}";
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
