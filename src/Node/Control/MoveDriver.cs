using System.Diagnostics;
using KvRaft.Node.Cluster;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Node.Routing;
using KvRaft.Node.Shards;
using KvRaft.Node.Telemetry;
using KvRaft.Placement.State;
using KvRaft.Raft.Membership;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Control;

/// <summary>
/// Drives the moves of the shards this node leads: gathers the facts, lets <see cref="MoveDecision"/> decide, takes the one step, and repeats.
/// It stores nothing, so a leader elected in the middle of a move continues it.
/// </summary>
internal sealed class MoveDriver(
    NodeOptions options, PlacementAgent placement, PlacementRouter router, ShardTable shards, ShardMapHolder map, MoveFinisher finisher, MoveNotes notes,
    NodeFailure failure, TimeProvider time, ILogger<MoveDriver> logger) : BackgroundService
{
    /// <summary>Between two checks while a move is in progress. Most waits are for a learner, which requests more at this pace.</summary>
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(50);

    /// <summary>For one step. A change of members takes some rounds; after this time the state is read again, because the step may have been executed.</summary>
    private static readonly TimeSpan StepTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Shards driven at once; a move costs a copy, and the copies of a node share its disk.</summary>
    private const int AtOnce = 4;

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => failure.GuardAsync(DriveForeverAsync, stoppingToken);

    private async Task DriveForeverAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            // Taken before the state is read; see ChangeSignal.
            var news = map.Changes.Next;
            var state = placement.State;
            var work = shards.All.Where(replica => replica.IsLeader && HasWork(state, replica)).ToArray();
            await Parallel.ForEachAsync(
                work,
                new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken },
                async (replica, token) => await StepAsync(placement.State, replica, token));
            await (work.Length == 0 ? news.WaitAsync(cancellationToken) : Task.Delay(Pace, time, cancellationToken));
        }
    }

    private static bool HasWork(PlacementState state, ShardReplica replica) =>
        state.MoveOf(replica.Shard) is not null || Strays(state, replica).Count > 0;

    private static List<Replica> Strays(PlacementState state, ShardReplica replica) =>
        [.. Voters(replica).Where(voter => state.IsOver(replica.Shard, voter))];

    private static IEnumerable<Replica> Voters(ShardReplica replica) =>
        replica.Group.Voters().Select(static voter => new Replica(voter.Node, voter.Incarnation));

    private async Task StepAsync(PlacementState state, ShardReplica replica, CancellationToken stoppingToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        limit.CancelAfter(StepTimeout);
        try
        {
            var facts = await LookAsync(state, replica, limit.Token);
            var step = MoveDecision.Next(facts);
            notes.Set(replica.Shard, facts.Move is null ? "" : step.Kind == MoveStepKind.Wait ? step.Reason : $"{step.Kind} {step.Replica}: {step.Reason}");
            if (step.Kind != MoveStepKind.Wait)
            {
                logger.MoveStep(replica.Shard, $"{step.Kind}", step.Replica, step.Reason);
                var begun = Stopwatch.GetTimestamp();
                var result = await TakeAsync(replica, step, limit.Token);
                if (step.Kind == MoveStepKind.Finish)
                {
                    // The next move of the shard begins without a note.
                    notes.Set(replica.Shard, "");
                }

                logger.MoveStepTaken(replica.Shard, $"{step.Kind}", result, Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
            }
        }
        catch (OperationCanceledException) when (!stoppingToken.IsCancellationRequested)
        {
            logger.MoveStepTimedOut(replica.Shard);
        }
        catch (ObjectDisposedException)
        {
            // The replica was closed meanwhile; its next leader continues.
        }
    }

    private async Task<MoveFacts> LookAsync(PlacementState state, ShardReplica replica, CancellationToken cancellationToken)
    {
        var move = state.MoveOf(replica.Shard);
        long? lag = null;
        var votes = false;
        if (move is not null && await replica.Group.AskAsync(ToVoter(move.To), cancellationToken) is { } report)
        {
            // In this order of reads, the lag is at most overstated.
            (lag, votes) = (Math.Max(0, replica.Group.Status().LastIndex - report.AppliedIndex), report.IsMember);
        }

        var isSettled = await replica.Group.IsMembershipSettledAsync(cancellationToken);
        return new MoveFacts
        {
            Self = options.NodeId,
            Move = move,
            IsSettled = isSettled,
            Voters = [.. Voters(replica)],
            Strays = Strays(state, replica),
            Missing = [.. state.Map![replica.Shard].Replicas.Except(Voters(replica)).Where(missing => missing != move?.From)],
            Lag = lag,
            Votes = votes,
        };
    }

    private async Task<string> TakeAsync(ShardReplica replica, MoveStep step, CancellationToken cancellationToken)
    {
        switch (step.Kind)
        {
            case MoveStepKind.Add:
                return $"{await replica.Group.AddVoterAsync(ToVoter(step.Replica), cancellationToken)}";
            case MoveStepKind.Remove:
                return $"{await replica.Group.RemoveVoterAsync(ToVoter(step.Replica), cancellationToken)}";
            case MoveStepKind.HandOver:
                return await replica.Group.TransferLeadershipAsync(ToVoter(step.Replica), cancellationToken) ? "handed over" : "not taken";
            default:
                return await FinishAsync(replica.Shard, step, cancellationToken);
        }
    }

    private async Task<string> FinishAsync(ShardId shard, MoveStep step, CancellationToken cancellationToken)
    {
        var request = new FinishMoveRequest
        {
            Shard = shard.Value,
            ToNode = step.Replica.Node.Value,
            ToIncarnation = step.Replica.Incarnation,
            Cancelled = step.End == MoveEnd.Cancelled,
        };
        var deadline = Deadline.After(StepTimeout, time);
        var answered = await router.RouteAsync<FinishMoveResponse>(
            () => finisher.FinishHereAsync(shard, step.Replica, step.End, deadline),
            (peer, call) => peer.Moves.FinishMoveAsync(request, call),
            isWrite: true,
            wasForwarded: false,
            deadline);
        if (!answered.HasAnswer)
        {
            return answered.Failure.Message;
        }

        // Otherwise the next check would see the move once more.
        await placement.WaitForAsync(state => state.MoveOf(shard)?.To != step.Replica, cancellationToken);
        return $"ring epoch {answered.Answer!.Epoch}";
    }

    private static GroupVoter ToVoter(Replica replica) => new(replica.Node, replica.Incarnation);
}
