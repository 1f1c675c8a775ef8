using KvRaft.Node.Cluster;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Node.ShardRequests;
using KvRaft.Node.Shards;
using KvRaft.Storage;
using KvRaft.Topology;
using KvRaft.V1;
using LeaderHint = KvRaft.Topology.LeaderHint;

namespace KvRaft.Node.Routing;

/// <summary>
/// From a shard to an answer: executes a request on the leader's replica if that is on this node, otherwise forwards it to the leader's node,
/// and repeats this while the leadership moves, until the deadline.
/// <para>
/// It repeats only reads, and requests that were certainly not executed. A write with an unknown outcome is answered as unknown:
/// the client, which numbered it, may send it again; this node must not guess.
/// </para>
/// <para>The decisions are in <see cref="RouteRule"/>; this class does the waiting. Thread-safe.</para>
/// </summary>
internal sealed class RequestRouter(
    NodeOptions options, ShardMapHolder map, ShardTable shards, LeaderBoard leaders, PeerDirectory peers, DeadlineTokens tokens, TimeProvider time)
{
    /// <summary>The delay that a caller receives when a shard has no leader: a large part of an election.</summary>
    private static readonly TimeSpan ElectionDelay = TimeSpan.FromMilliseconds(250);

    private readonly NodeId _self = options.NodeId;

    public TimeProvider Time => time;

    /// <summary>The view that a request keeps to its end.</summary>
    public RoutingView View => map.Current;

    /// <summary>Cancelled when a request is to be abandoned.</summary>
    public CancellationToken TokenOf(Deadline deadline) => tokens.For(deadline);

    /// <summary>Answers a request for one shard.</summary>
    /// <param name="request">The request.</param>
    /// <param name="shard">Its shard, by the view in force.</param>
    /// <param name="noForward">Refuse with a hint rather than forward.</param>
    /// <param name="deadline">When to abandon it.</param>
    public async ValueTask<Answered<TAnswer>> RouteAsync<TAnswer, TRequest>(
        TRequest request, ShardId shard, bool noForward, Deadline deadline)
        where TAnswer : class
        where TRequest : struct, IShardRequest<TAnswer>
    {
        var token = tokens.For(deadline);
        Failure? last = null;
        for (int refusals = 0, forwards = 0, waits = 0; ;)
        {
            // Taken before the state is read, so that a change between the read and the wait is not missed.
            var news = map.Changes.Next;
            var (step, node) = RouteRule.Next(Look(shard), noForward, refusals, forwards);
            Answered<TAnswer> answered;
            switch (step)
            {
                case RouteStep.RunHere:
                    answered = await RunHereAsync<TAnswer, TRequest>(request, shard, deadline, token);
                    break;
                case RouteStep.Forward:
                    forwards++;
                    answered = await ForwardAsync<TAnswer, TRequest>(request, shard, node, deadline, token);
                    break;
                case RouteStep.RefuseWithHint:
                    return Refusal(shard);
                default:
                    var delay = RetryRule.Delay(waits++);
                    refusals = 0;
                    if (deadline.Remaining(time) <= delay)
                    {
                        return last ?? Failure.NoLeader(shard, ElectionDelay);
                    }

                    await Task.WhenAny(news, Task.Delay(delay, time, CancellationToken.None));
                    continue;
            }

            if (answered.HasAnswer)
            {
                return answered;
            }

            last = answered.Failure;
            if (!RetryRule.MayRetry(last, request.IsWrite) || deadline.HasPassed(time))
            {
                return last;
            }

            if (noForward)
            {
                return last.Reason == ErrorReasons.NotLeader ? Refusal(shard) : last;
            }

            refusals++;
        }
    }

    /// <summary>
    /// If a read finds damage, or a replica that is being closed because of damage, it has no answer yet: the replica transfers leadership, and the read goes to
    /// the next leader. The outcome of a write in the same case is unknown, and the caller receives that failure.
    /// </summary>
    private async ValueTask<Answered<TAnswer>> RunHereAsync<TAnswer, TRequest>(TRequest request, ShardId shard, Deadline deadline, CancellationToken token)
        where TAnswer : class
        where TRequest : struct, IShardRequest<TAnswer>
    {
        if (shards.Find(shard) is not { } replica)
        {
            return Failure.NoLeader(shard, ElectionDelay);
        }

        try
        {
            return await request.RunAsync(replica, deadline, token);
        }
        catch (Exception error) when (!request.IsWrite && (error is StorageException or ObjectDisposedException))
        {
            return Failure.NoLeader(shard, ElectionDelay);
        }
    }

    private ShardSight Look(ShardId shard)
    {
        var replica = shards.Find(shard);
        var descriptor = map.Current.Map is { } current && shard.Value < current.ShardCount ? current[shard] : null;
        return new ShardSight(
            _self, replica is { IsLeader: true }, replica is { IsReplayed: true },
            replica is not null ? replica.Leader : leaders.Find(shard), descriptor?.Replicas ?? []);
    }

    private async ValueTask<Answered<TAnswer>> ForwardAsync<TAnswer, TRequest>(
        TRequest request, ShardId shard, NodeId node, Deadline deadline, CancellationToken token)
        where TAnswer : class
        where TRequest : struct, IShardRequest<TAnswer>
    {
        if (peers.Find(node) is not { } peer)
        {
            return Failure.NoLeader(shard, ElectionDelay);
        }

        var answered = await request.ForwardAsync(peer, deadline, token);
        if (answered.HasAnswer)
        {
            return answered;
        }

        Learn(shard, node, answered.Failure);
        return answered;
    }

    private void Learn(ShardId shard, NodeId asked, Failure failure)
    {
        if (failure.Hint is { LeaderNode.Length: > 0 } hint && NodeId.IsValid(hint.LeaderNode))
        {
            leaders.Learn(shard, new LeaderHint(new NodeId(hint.LeaderNode), hint.Term));
        }
        else if (RetryRule.MayRetry(failure, isWrite: false))
        {
            leaders.Forget(shard, asked);
        }
    }

    /// <summary>A refusal that names the node to call instead, with every hint that this node has.</summary>
    private Failure Refusal(ShardId shard)
    {
        var view = map.Current;
        var replica = shards.Find(shard);
        var leader = replica is not null ? replica.Leader : leaders.Find(shard);
        if (replica is not null && (leader is null || leader == _self))
        {
            // No leader, or this node without confirmation yet: there is no other node to call, so the caller must wait and not repeat at once.
            return Failure.NoLeader(shard, leader is null ? ElectionDelay : RetryRule.Delay(0));
        }

        var hint = new RouteHint
        {
            Shard = shard.Value,
            LeaderNode = leader?.Value ?? "",
            LeaderEndpoint = leader is { } known ? view.AddressOf(known) ?? "" : "",
            Term = replica?.Group.Term ?? 0,
            RingEpoch = view.Epoch.Value,
        };
        if (view.Map is { } current)
        {
            hint.Replicas.Add(current[shard].Replicas.Select(member => member.Node.Value));
        }

        return replica is null ? Failure.WrongShard(hint) : Failure.NotLeader(hint);
    }
}
