using KvRaft.Node.Cluster;
using KvRaft.Node.Options;
using KvRaft.Node.Telemetry;
using KvRaft.Placement.Planning;
using KvRaft.Placement.State;
using KvRaft.Raft.Membership;

namespace KvRaft.Node.Control;

/// <summary>
/// Group 0's own voters: one change at a time, by the rules for every group. A joined node follows the group since it joined; it votes when it follows
/// closely. The leader never removes itself.
/// </summary>
internal sealed class Group0VoterDuty(NodeOptions options, PlacementAgent placement, SchedulerNotes notes, TimeProvider time, ILogger<Group0VoterDuty> logger)
{
    /// <summary>For one step; see <see cref="MoveDriver"/>.</summary>
    private static readonly TimeSpan StepTimeout = TimeSpan.FromSeconds(10);

    public async Task ActAsync(PlacementSight sight, CancellationToken stoppingToken)
    {
        if (sight.State.Operations.Settings.IsPaused(SchedulerKind.Group0Voters, time.GetUtcNow().ToUnixTimeMilliseconds()))
        {
            return;
        }

        var voters = placement.Group.Voters();
        if (Group0VoterRules.Next(sight.State, [.. voters.Select(static voter => voter.Node)], sight.Facts.Away, sight.HoldsNothing) is not { } change)
        {
            return;
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        limit.CancelAfter(StepTimeout);
        try
        {
            var what = $"group 0: {(change.Add ? "add" : "remove")} {change.Node}, because {change.Reason}";
            var result = await TakeAsync(change, voters, sight, limit.Token);
            if (result == nameof(MembershipChange.Done))
            {
                logger.PlacementActs(what);
                notes.Set(SchedulerKind.Group0Voters, what);
            }
            else
            {
                logger.PlacementActRefused(what, result);
                notes.Set(SchedulerKind.Group0Voters, $"{what}: {result}");
            }
        }
        catch (OperationCanceledException) when (!stoppingToken.IsCancellationRequested)
        {
            logger.PlacementActRefused($"group 0: a change of {change.Node}", "the step timed out; its state is read again");
        }
    }

    private async Task<string> TakeAsync(Group0VoterChange change, IReadOnlyList<GroupVoter> voters, PlacementSight sight, CancellationToken cancellationToken)
    {
        var group = placement.Group;
        if (!await group.IsMembershipSettledAsync(cancellationToken))
        {
            return "an earlier change is not in force yet";
        }

        if (change.Add)
        {
            var newcomer = new GroupVoter(change.Node, PlacementAgent.IncarnationOfJoined);
            return await group.AskAsync(newcomer, cancellationToken) is { } report && group.Status().LastIndex - report.LastIndex <= MoveDecision.LagMax
                ? $"{await group.AddVoterAsync(newcomer, cancellationToken)}"
                : "it does not follow closely";
        }

        var going = voters.First(voter => voter.Node == change.Node);
        if (going.Node != options.NodeId)
        {
            return $"{await group.RemoveVoterAsync(going, cancellationToken)}";
        }

        foreach (var successor in voters.Where(voter => sight.IsFit(voter.Node) && voter.Node != options.NodeId))
        {
            if (await group.TransferLeadershipAsync(successor, cancellationToken))
            {
                return $"leadership goes to {successor.Node} first";
            }
        }

        return "it leads, and there is no other voter to transfer leadership to";
    }
}
