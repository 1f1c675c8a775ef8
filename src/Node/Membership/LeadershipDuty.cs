using Grpc.Core;
using KvRaft.Node.Options;
using KvRaft.Node.Routing;
using KvRaft.Node.Telemetry;
using KvRaft.Placement.Planning;
using KvRaft.Placement.State;
using KvRaft.Raft;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Membership;

/// <summary>
/// Who leads which shard: away from nodes that are drained or leave, at once; else spread evenly (<see cref="LeaderBalance"/>), one at a time and only while
/// nothing moves. A transfer costs the shard's writers tens of milliseconds, so a shard that was touched rests, and nothing is balanced right after
/// something changed.
/// </summary>
internal sealed class LeadershipDuty(
    NodeOptions options, PlacementAgent placement, NodeMonitor monitor, PeerDirectory peers, RaftHost raft, SchedulerNotes notes, TimeProvider time, ILogger<LeadershipDuty> logger)
{
    /// <summary>Evictions at once: a drained node should not wait for its shards one by one.</summary>
    private const int AtOnce = 8;

    /// <summary>A shard whose leadership changed is left alone: long enough that no two causes of change chase each other.</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(20);

    /// <summary>Between balancing transfers: reports are a second old, and each transfer must be seen before the next is decided.</summary>
    private static readonly TimeSpan BalancePace = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly Dictionary<ShardId, (NodeId Leader, long Since)> _seen = [];
    private long _transferredAt;
    private Task _seenRound = Task.CompletedTask;

    public async Task ActAsync(PlacementSight sight, CancellationToken cancellationToken)
    {
        var (settings, nowMs) = (sight.State.Operations.Settings, time.GetUtcNow().ToUnixTimeMilliseconds());
        var drains = !settings.IsPaused(SchedulerKind.Drain, nowMs);
        if (drains && !sight.IsFit(options.NodeId) && await HandOverPlacementAsync(sight, cancellationToken))
        {
            return;
        }

        // A report is older than what was done on it; wait for a new one.
        if (!_seenRound.IsCompleted)
        {
            return;
        }

        var shards = Led(sight);
        var weights = sight.State.Nodes.ToDictionary(static node => node.Id, static node => node.Weight);
        var isCalm = sight.State.Moves.IsEmpty && shards.Count == sight.State.Map!.ShardCount && sight.Facts.Away.IsEmpty;
        var transfers = LeaderBalance.Next(shards, weights, Resting(shards), AtOnce);
        var isEviction = transfers.Any(transfer => !sight.IsFit(transfer.From));
        if (transfers.Count == 0 || (isEviction ? !drains : settings.IsPaused(SchedulerKind.LeaderBalance, nowMs)) || (!isEviction && (!isCalm || time.GetElapsedTime(_transferredAt) < BalancePace)))
        {
            return;
        }

        await Task.WhenAll(transfers.Select(transfer => TransferAsync(transfer, isEviction, cancellationToken)));
        _transferredAt = time.GetTimestamp();
        notes.Set(
            isEviction ? SchedulerKind.Drain : SchedulerKind.LeaderBalance,
            string.Join(", ", transfers.Select(static transfer => $"shard {transfer.Shard} is to be led on {transfer.To} instead of {transfer.From}")));
        _seenRound = monitor.Rounds.Next;
    }

    /// <summary>The shards that are led, as the nodes that answer say, and who may lead them.</summary>
    public static List<LedShard> Led(PlacementSight sight)
    {
        var leaders = new Dictionary<int, (NodeId Node, long Term)>();
        foreach (var (node, report) in sight.Reports.Where(pair => !sight.Facts.Away.Contains(pair.Key)))
        {
            foreach (var group in report.Status?.Groups.Where(static group => group.Shard >= 0 && group.Role == ReplicaRole.Leader) ?? [])
            {
                if (!leaders.TryGetValue(group.Shard, out var known) || known.Term < group.Term)
                {
                    leaders[group.Shard] = (node, group.Term);
                }
            }
        }

        return
        [
            .. sight.State.Map!.Shards.Where(shard => leaders.ContainsKey(shard.Id.Value)).Select(shard => new LedShard(
                shard.Id,
                leaders[shard.Id.Value].Node,
                [.. shard.Replicas.Select(static replica => replica.Node).Where(sight.IsFit)])),
        ];
    }

    /// <summary>Shards whose leader this node has not seen unchanged for long enough.</summary>
    private HashSet<ShardId> Resting(List<LedShard> shards)
    {
        var resting = new HashSet<ShardId>();
        foreach (var shard in shards)
        {
            if (!_seen.TryGetValue(shard.Shard, out var seen) || seen.Leader != shard.Leader)
            {
                // Of the first look nothing is known, and nothing should be held up by it.
                var since = _seen.ContainsKey(shard.Shard) ? time.GetTimestamp() : 0;
                _seen[shard.Shard] = seen = (shard.Leader, since);
            }

            if (seen.Since > 0 && time.GetElapsedTime(seen.Since) < Rest)
            {
                resting.Add(shard.Shard);
            }
        }

        return resting;
    }

    private async Task TransferAsync(LeaderTransfer transfer, bool isEviction, CancellationToken cancellationToken)
    {
        var why = isEviction ? "it is drained or leaves" : "to spread leaders evenly";
        var what = $"lead shard {transfer.Shard} on {transfer.To} instead of {transfer.From}, {why}";
        try
        {
            if (transfer.From == options.NodeId || peers.Find(transfer.From) is not { } peer)
            {
                await TransferHereAsync(transfer, what, cancellationToken);
                return;
            }

            await peer.Admin.ResignAsync(
                new ResignRequest { Group = GroupId.OfShard(transfer.Shard).Value, ToNode = transfer.To.Value },
                deadline: DateTime.UtcNow + Patience,
                cancellationToken: cancellationToken);
            logger.PlacementActs(what);
        }
        catch (Exception error) when (error is RpcException or ObjectDisposedException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            logger.PlacementActRefused(what, error is RpcException { Status.Detail: var detail } ? detail : error.Message);
        }
    }

    private async Task TransferHereAsync(LeaderTransfer transfer, string what, CancellationToken cancellationToken)
    {
        if (raft.Groups.FirstOrDefault(group => group.Id == GroupId.OfShard(transfer.Shard)) is not { IsLeader: true } group
            || group.Voters().FirstOrDefault(voter => voter.Node == transfer.To) is not { Incarnation: > 0 } successor)
        {
            return;
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Patience);
        try
        {
            if (await group.TransferLeadershipAsync(successor, limit.Token))
            {
                logger.PlacementActs(what);
            }
            else
            {
                logger.PlacementActRefused(what, $"{transfer.To} is away or behind");
            }
        }
        catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            logger.PlacementActRefused(what, "it took too long");
        }
    }

    /// <summary>A node that is drained or leaves leads nothing, group 0 among it. True if somebody else leads it now.</summary>
    private async Task<bool> HandOverPlacementAsync(PlacementSight sight, CancellationToken cancellationToken)
    {
        if (sight.State.FindNode(options.NodeId)?.Standing is not (NodeStanding.Draining or NodeStanding.Leaving))
        {
            return false;
        }

        // Its shards first: whoever leads group 0 next goes on, but knows the nodes only after a round of questions.
        if (raft.Groups.Any(static group => !group.Id.IsPlacement && group.IsLeader))
        {
            return false;
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Patience);
        foreach (var voter in placement.Group.Voters().Where(voter => sight.IsFit(voter.Node)))
        {
            try
            {
                if (await placement.Group.TransferLeadershipAsync(voter, limit.Token))
                {
                    logger.PlacementActs($"lead group 0 on {voter.Node} instead of {options.NodeId}, which is drained or leaves");
                    return true;
                }
            }
            catch (OperationCanceledException)
            {
                cancellationToken.ThrowIfCancellationRequested();
            }
        }

        return false;
    }
}
