using System.Runtime.CompilerServices;
using Grpc.Core;
using KvRaft.Node.Cluster;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Placement.State;
using KvRaft.Raft.Proposals;
using KvRaft.Raft.Reads;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Routing;

/// <summary>
/// Sends a change of placement to the leader of group 0, on this node or another one, by the same rule as
/// <see cref="RequestRouter"/>. Placement commands are idempotent, but a client cannot guess their answers: an unknown
/// outcome is reported as unknown.
/// </summary>
internal sealed class PlacementRouter(
    NodeOptions options, PlacementAgent agent, ShardMapHolder map, PeerDirectory peers, DeadlineTokens tokens, TimeProvider time)
{
    private static readonly TimeSpan ElectionDelay = TimeSpan.FromMilliseconds(250);

    /// <summary>The node that last answered as the leader, for a node that has no vote and receives no leader hints; a hint.</summary>
    private volatile StrongBox<NodeId>? _lastLeader;

    /// <summary>Returns the outcome of the command here, or the answer of the leader's node.</summary>
    /// <param name="command">The command to propose.</param>
    /// <param name="answer">Makes the answer of the call from an outcome that the rules did not refuse.</param>
    /// <param name="forward">The same request to another node.</param>
    /// <param name="wasForwarded">The call came from another node, and is not forwarded again.</param>
    /// <param name="deadline">When to abandon it.</param>
    public async Task<Answered<T>> RouteAsync<T>(
        PlacementCommand command,
        Func<PlacementOutcome, Answered<T>> answer,
        Func<Peer, CallOptions, AsyncUnaryCall<T>> forward,
        bool wasForwarded,
        Deadline deadline)
        where T : class =>
        await RouteAsync(() => ProposeAsync(command, answer, deadline), forward, isWrite: true, wasForwarded, deadline);

    /// <summary>The registry on the leader of group 0 after a quorum round, with its epoch.</summary>
    public Task<Answered<ListKeyspacesResponse>> ReadAsync(Deadline deadline, bool wasForwarded = false) =>
        RouteAsync(() => ListAsync(deadline), (peer, call) => peer.Keyspaces.ListAsync(new ListKeyspacesRequest(), call), isWrite: false, wasForwarded, deadline);

    /// <summary>The same for a call that is several commands, or none.</summary>
    public async Task<Answered<T>> RouteAsync<T>(
        Func<Task<Answered<T>>> runHere,
        Func<Peer, CallOptions, AsyncUnaryCall<T>> forward,
        bool isWrite,
        bool wasForwarded,
        Deadline deadline)
        where T : class
    {
        Failure? last = null;
        for (int refusals = 0, forwards = 0, waits = 0; ;)
        {
            // Taken before the state is read; see ChangeSignal.
            var news = map.Changes.Next;
            var (step, node) = RouteRule.Next(Look(), wasForwarded, refusals, forwards);
            if (step == RouteStep.Forward)
            {
                // Counted also if the address of that node is unknown: the next attempt goes to another node.
                forwards++;
            }

            Answered<T> answered;
            switch (step)
            {
                case RouteStep.RunHere:
                    answered = await runHere();
                    break;
                case RouteStep.Forward when peers.Find(node) is { } peer:
                    answered = await PeerCalls.CallAsync(call => forward(peer, call), isWrite, deadline, time, tokens.For(deadline));
                    break;
                case RouteStep.RefuseWithHint:
                    return Failure.NoPlacementLeader(RetryRule.Delay(0));
                default:
                    var delay = RetryRule.Delay(waits++);
                    refusals = 0;
                    if (deadline.Remaining(time) <= delay)
                    {
                        return last ?? Failure.NoPlacementLeader(ElectionDelay);
                    }

                    await Task.WhenAny(news, Task.Delay(delay, time, CancellationToken.None));
                    continue;
            }

            Learn(step, node, answered.HasAnswer);
            if (answered.HasAnswer || !RetryRule.MayRetry(answered.Failure, isWrite) || deadline.HasPassed(time))
            {
                return answered;
            }

            last = answered.Failure;
            refusals++;
        }
    }

    private ShardSight Look()
    {
        var hasVote = agent.Group.IsMember;
        var leader = agent.Leader ?? (hasVote ? null : _lastLeader?.Value);
        return new ShardSight(
            options.NodeId, agent.Group.IsLeader, hasVote, leader,
            [.. agent.Voters.Where(voter => voter.Node != options.NodeId).Select(static voter => new Replica(voter.Node, voter.Incarnation))]);
    }

    private void Learn(RouteStep step, NodeId node, bool hasAnswer)
    {
        if (step == RouteStep.Forward)
        {
            _lastLeader = hasAnswer ? new StrongBox<NodeId>(node) : null;
        }
    }

    private async Task<Answered<ListKeyspacesResponse>> ListAsync(Deadline deadline)
    {
        try
        {
            var barrier = await agent.Group.ReadBarrierAsync(tokens.For(deadline));
            return barrier.Status == ReadBarrierStatus.Passed
                ? new ListKeyspacesResponse { Epoch = agent.State.Epoch.Value, Keyspaces = { agent.State.Keyspaces.Select(Routing.RouteMaps.ToWire) } }
                : Failure.NoPlacementLeader(ElectionDelay);
        }
        catch (OperationCanceledException)
        {
            return Failure.Deadline(Execution.NotExecuted);
        }
    }

    /// <summary>Proposes here, as the leader.</summary>
    public async Task<Answered<T>> ProposeAsync<T>(
        PlacementCommand command, Func<PlacementOutcome, Answered<T>> answer, Deadline deadline, Action<PlacementRefused>? onRefused = null)
        where T : class
    {
        var result = await agent.ProposeAsync(command, tokens.For(deadline));
        if (result is { Status: ProposalStatus.Applied, Outcome: PlacementRefused why })
        {
            onRefused?.Invoke(why);
        }

        return result.Status switch
        {
            ProposalStatus.Applied when result.Outcome is PlacementRefused refused => ToFailure(refused),
            ProposalStatus.Applied => answer((PlacementOutcome)result.Outcome!),
            ProposalStatus.NotLeader or ProposalStatus.Stopped => Failure.NoPlacementLeader(ElectionDelay),
            ProposalStatus.Expired => Failure.Deadline(Execution.NotExecuted),
            ProposalStatus.Unknown => Failure.Deadline(Execution.Unknown),
            _ => Failure.Overloaded("the proposal queue of group 0", ElectionDelay),
        };
    }

    public static Failure ToFailure(PlacementRefused refused) => refused.Reason switch
    {
        PlacementRefusal.NotInitialized => Failure.NoMap(ElectionDelay),
        PlacementRefusal.KeyspaceExists => Failure.Refused(ErrorReasons.KeyspaceExists, refused.Message),
        PlacementRefusal.KeyspaceNotFound => Failure.Refused(ErrorReasons.KeyspaceNotFound, refused.Message),
        PlacementRefusal.TooManyKeyspaces => Failure.Limit(new LimitExceeded(
            "keyspace", "keyspaces of a cluster", PlacementLimits.KeyspacesMax, PlacementLimits.KeyspacesMax + 1)),
        PlacementRefusal.KeyspaceIsPermanent => Failure.Invalid("name", refused.Message),
        PlacementRefusal.ShardNotFound or PlacementRefusal.MoveUnderWay or PlacementRefusal.NoMove => Failure.Invalid("shard", refused.Message),
        PlacementRefusal.NodeNotFound or PlacementRefusal.NodeExists or PlacementRefusal.AddressTaken => Failure.Invalid("node", refused.Message),
        PlacementRefusal.TooFewNodes or PlacementRefusal.PlanUnderWay or PlacementRefusal.PlanIsStale => Failure.Invalid("plan", refused.Message),
        PlacementRefusal.NoOperator => Failure.Invalid("operator", refused.Message),
        PlacementRefusal.Invalid => Failure.Invalid("request", refused.Message),
        PlacementRefusal.NoReplicaThere => Failure.Invalid("from_node", refused.Message),
        PlacementRefusal.ReplicaIsThere => Failure.Invalid("to_node", refused.Message),
        _ => Failure.Invalid("keyspace", refused.Message),
    };
}
