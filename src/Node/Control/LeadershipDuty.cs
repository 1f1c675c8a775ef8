using System.Globalization;
using KvRaft.Node.Cluster;
using KvRaft.Node.Options;
using KvRaft.Node.Telemetry;
using KvRaft.Placement.Planning;
using KvRaft.Placement.State;
using KvRaft.Raft.Groups;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Control;

/// <summary>
/// The leaders of shards: they leave nodes that are drained or leaving at once; otherwise they are balanced by number and by load, one step at a time and only
/// while nothing moves (<see cref="LeadershipChoice"/>). A transfer costs the shard's writers tens of milliseconds, so a shard that was just transferred is left alone, and
/// nothing is balanced right after a change.
/// </summary>
internal sealed class LeadershipDuty(
    NodeOptions options, PlacementAgent placement, NodeMonitor monitor, LeadershipHandOver handOver, RaftHost raft, SchedulerNotes notes, TimeProvider time, ILogger<LeadershipDuty> logger)
{
    /// <summary>Evictions at once: a drained node should not wait for its shards one by one.</summary>
    private const int AtOnce = 8;

    /// <summary>A shard whose leadership changed is left alone: long enough that two causes of change do not alternate.</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(20);

    /// <summary>Between balancing transfers: reports are a second old, and the effect of each transfer must be visible before the next is decided.</summary>
    private static readonly TimeSpan BalancePace = TimeSpan.FromSeconds(2);

    /// <summary>
    /// The load of a shard is measured this long after its leader began to count: the window of the rate, and two rounds of queries.
    /// </summary>
    private static readonly TimeSpan RatesKnown = TimeSpan.FromSeconds(RateWindow.Seconds + 2);

    /// <summary>Longer than the time between two checks of the driver: this node did not lead group 0 meanwhile, and has no record of the time before.</summary>
    private static readonly TimeSpan LookGap = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly Dictionary<ShardId, (NodeId Leader, long Since)> _seen = [];
    private long _transferredAt;
    private long _calmSince;
    private long _lookedAt;
    private Task _seenRound = Task.CompletedTask;

    public async Task ActAsync(PlacementSight sight, CancellationToken cancellationToken)
    {
        var (settings, nowMs) = (sight.State.Operations.Settings, time.GetUtcNow().ToUnixTimeMilliseconds());
        var drains = !settings.IsPaused(SchedulerKind.Drain, nowMs);
        if (drains && !sight.IsFit(options.NodeId) && await HandOverPlacementAsync(sight, cancellationToken))
        {
            return;
        }

        // A report is older than the last transfer; wait for a new one.
        if (!_seenRound.IsCompleted)
        {
            return;
        }

        var shards = Led(sight);
        var weights = sight.State.Nodes.ToDictionary(static node => node.Id, static node => node.Weight);
        var isCalm = IsCalm(sight, shards);
        bool MayBalance(SchedulerKind scheduler) =>
            isCalm && time.GetElapsedTime(_transferredAt) >= BalancePace && !settings.IsPaused(scheduler, nowMs);
        var leave = new LeadershipLeave(
            drains, MayBalance(SchedulerKind.LeaderBalance), MayBalance(SchedulerKind.LoadBalance) && time.GetElapsedTime(_calmSince) >= RatesKnown);
        var choice = LeadershipChoice.Of(shards, weights, Resting(shards), leave, AtOnce);
        if (choice.Transfers.IsEmpty)
        {
            return;
        }

        await handOver.RunAsync(choice.Transfers, WhyOf(choice.By), cancellationToken);
        _transferredAt = time.GetTimestamp();
        notes.Set(choice.By, string.Join(", ", choice.Transfers.Select(transfer => NoteOf(transfer, choice.By, shards))));
        _seenRound = monitor.Rounds.Next;
    }

    private static string WhyOf(SchedulerKind scheduler) => scheduler switch
    {
        SchedulerKind.Drain => "it is drained or leaves",
        SchedulerKind.LoadBalance => "which has a much higher load than others",
        _ => "to spread leaders evenly",
    };

    private static string NoteOf(LeaderTransfer transfer, SchedulerKind scheduler, List<LedShard> shards) =>
        $"shard {transfer.Shard} is to be led on {transfer.To} instead of {transfer.From}"
        + (scheduler == SchedulerKind.LoadBalance
            ? string.Create(
                CultureInfo.InvariantCulture,
                $" ({shards.First(shard => shard.Shard == transfer.Shard).Load:0} of the {LoadBalance.Loads(shards).GetValueOrDefault(transfer.From):0} requests/s {transfer.From} answers)")
            : "");

    /// <summary>Nothing moves, every node answers, every shard has a leader; and records since when that is so.</summary>
    private bool IsCalm(PlacementSight sight, List<LedShard> shards)
    {
        var isCalm = sight.State.Moves.IsEmpty && shards.Count == sight.State.Map!.ShardCount && sight.Facts.Away.IsEmpty;
        if (!isCalm || time.GetElapsedTime(_lookedAt) > LookGap)
        {
            _calmSince = time.GetTimestamp();
        }

        _lookedAt = time.GetTimestamp();
        return isCalm;
    }

    /// <summary>The shards that have a leader, as the answering nodes report, and the nodes that may lead them.</summary>
    public static List<LedShard> Led(PlacementSight sight)
    {
        var leaders = new Dictionary<int, (NodeId Node, long Term, double Load)>();
        foreach (var (node, report) in sight.Reports.Where(pair => !sight.Facts.Away.Contains(pair.Key)))
        {
            foreach (var group in report.Status?.Groups.Where(static group => group.Shard >= 0 && group.Role == ReplicaRole.Leader) ?? [])
            {
                if (!leaders.TryGetValue(group.Shard, out var known) || known.Term < group.Term)
                {
                    leaders[group.Shard] = (node, group.Term, group.ReadsPerSecond + group.WritesPerSecond);
                }
            }
        }

        return
        [
            .. sight.State.Map!.Shards.Where(shard => leaders.ContainsKey(shard.Id.Value)).Select(shard => new LedShard(
                shard.Id,
                leaders[shard.Id.Value].Node,
                [
                    .. shard.Replicas.Select(static replica => replica.Node).Where(sight.IsFit)
                        .Where(node => !sight.IsSkewed(node) || node == leaders[shard.Id.Value].Node),
                ])
            {
                Load = leaders[shard.Id.Value].Load,
            }),
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
                // At the first check there is no earlier state, and that must delay nothing.
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

    /// <summary>A node that is drained or leaving leads nothing, group 0 included. True if another node leads it now.</summary>
    private async Task<bool> HandOverPlacementAsync(PlacementSight sight, CancellationToken cancellationToken)
    {
        if (sight.State.FindNode(options.NodeId)?.Standing is not (NodeStanding.Draining or NodeStanding.Leaving))
        {
            return false;
        }

        // Its shards first: the next leader of group 0 continues, but it sees the nodes only after a round of queries.
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
