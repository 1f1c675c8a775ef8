using Google.Protobuf;
using KvRaft.Client.Failures;
using KvRaft.Client.Routing;
using KvRaft.Client.Sessions;
using KvRaft.Client.Telemetry;
using KvRaft.Client.Transport;
using KvRaft.V1;
using Microsoft.Extensions.Logging;

namespace KvRaft.Client.Requests;

/// <summary>
/// Executes one request: assigns its request id, chooses a node, sends, updates the route cache from the answer, and applies the
/// <see cref="RetryPolicy"/>. This is the only loop that repeats requests. A write has the same request id in all attempts, so the shard executes it
/// at most once.
/// </summary>
internal sealed class RequestExecutor(
    KvClientOptions options,
    KvSession session,
    RequestTransport transport,
    RouteCache routes,
    RouteWatcher watcher,
    NodeHealth health,
    SessionSequence sessions,
    SeenIndexes seen,
    RetryBudget retryBudget,
    ClientTelemetry telemetry,
    Random chance,
    ILogger log)
{
    /// <summary>1 ms, the minimum of the header.</summary>
    private static readonly TimeSpan AttemptTimeoutMin = TimeSpan.FromMilliseconds(1);

    private static readonly TimeSpan HedgeMax = TimeSpan.FromDays(1);

    private int _turn = chance.Next();

    private bool RoutesItself => options.Routing == KvRouting.Direct;

    /// <exception cref="KvException">The request did not succeed within its timeout.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled the call; a write may have been applied, or may be applied
    /// later.</exception>
    public async ValueTask<TResponse> ExecuteAsync<TRequest, TResponse>(
        Operation<TRequest, TResponse> operation, TRequest request, RequestScope scope, CancellationToken cancellationToken)
        where TRequest : class, IMessage<TRequest>, IDeepCloneable<TRequest>
        where TResponse : class
    {
        cancellationToken.ThrowIfCancellationRequested();
        var budget = scope.Timeout ?? options.Timeout;
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(budget, TimeSpan.Zero, nameof(scope));
        if (RoutesItself)
        {
            watcher.Start();
        }

        var trail = new RequestTrail(operation.Name, operation.IsWrite, scope.Keyspace);
        using var measure = telemetry.Begin(operation.Name, scope.Keyspace);
        var stamp = operation.IsWrite ? sessions.Begin() : default(WriteStamp?);
        var previousDelay = TimeSpan.Zero;
        var avoid = scope.Avoid;
        string? hinted = null;
        while (true)
        {
            // A pause may end later than scheduled; then no time is left for another attempt.
            var left = budget - measure.Elapsed;
            if (left <= TimeSpan.Zero && trail.Attempts > 0)
            {
                throw GiveUp(trail, measure, stamp);
            }

            var endpoint = Choose(scope, trail, avoid, hinted);
            trail.AttemptAt(endpoint);
            if (scope.Asked is { } asked)
            {
                asked.Endpoint = endpoint;
            }

            var timeout = Clamp(left);
            if (stamp is { After: null } unproven && trail.Outcome == KvOutcome.NotApplied)
            {
                // Only an index that was seen before the first attempt proves that the write was not executed.
                stamp = unproven with { After = seen.Of(trail.Shard) };
            }

            operation.SetHeader(request, Header(scope, stamp, timeout, trail));
            var result = await transport.SendAsync(operation, request, endpoint, timeout, cancellationToken).ConfigureAwait(false);
            if (result.Response is { } response)
            {
                Succeeded(operation.HeaderOf(response), endpoint, stamp);
                measure.Succeeded(trail);
                return response;
            }

            var failure = result.Failure!;
            trail.Failed(failure);
            Learn(failure, endpoint);
            if (stamp is { } unknown && trail.MayProveAgain)
            {
                Log.SessionForgotten(log, unknown.Session.ClientId);
                stamp = Anew(unknown, seen.Saw(failure), ++trail.Proofs);
            }
            else
            {
                var decision = RetryPolicy.Decide(
                    new RetryInput(trail.Attempts, failure, previousDelay, measure.Elapsed, budget),
                    failure.Kind == FailureKind.Redirect || retryBudget.TryTake(),
                    chance);
                if (!decision.Retry || (!operation.IsRepeatable && failure.Outcome == KvOutcome.Unknown))
                {
                    throw GiveUp(trail, measure, stamp);
                }

                Log.Retrying(log, operation.Name, trail.Attempts, endpoint, failure.Reason, failure.Message, decision.Delay.TotalMilliseconds);
                avoid = decision.AvoidNode ? endpoint : null;
                hinted = RoutesItself && failure.Hint is { LeaderEndpoint.Length: > 0 } hint ? hint.LeaderEndpoint : null;
                previousDelay = decision.Delay;
                if (decision.Delay > TimeSpan.Zero)
                {
                    await Task.Delay(decision.Delay, options.TimeProvider, cancellationToken).ConfigureAwait(false);
                }
            }

            // The failed attempt may still be in the send buffer; its message must not change while it is written.
            request = request.Clone();
        }
    }

    /// <summary>
    /// Like <see cref="ExecuteAsync"/>, for a read: if there is no answer after <paramref name="patience"/>, the read is also sent to a second node,
    /// and the first answer wins (Dean and Barroso, "The Tail at Scale", CACM 2013). The second attempt takes a token of the retry budget, so a
    /// cluster that is slow because of overload soon receives no second attempts. Writes are never hedged: the second copy would have no effect and
    /// cost work.
    /// </summary>
    public async ValueTask<TResponse> ExecuteHedgedAsync<TRequest, TResponse>(
        Operation<TRequest, TResponse> operation, TRequest request, RequestScope scope, TimeSpan patience, CancellationToken cancellationToken)
        where TRequest : class, IMessage<TRequest>, IDeepCloneable<TRequest>
        where TResponse : class
    {
        if (operation.IsWrite)
        {
            throw new ArgumentException($"{operation.Name} cannot be hedged.", nameof(operation));
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(patience, TimeSpan.Zero);

        // Longer than any attempt can take; a timer allows at most 49 days.
        patience = patience < HedgeMax ? patience : HedgeMax;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var spare = request.Clone();
        var asked = new AskedNode();
        var first = ExecuteAsync(operation, request, scope with { Asked = asked }, stop.Token).AsTask();
        var second = SecondAsync();
        try
        {
            var early = await Task.WhenAny(first, second).ConfigureAwait(false);
            return await (early.IsCompletedSuccessfully ? early : early == first ? second : first).ConfigureAwait(false);
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await EndOf(first).ConfigureAwait(false);
            await EndOf(second).ConfigureAwait(false);
        }

        // If no second attempt is made, this task ends with the first, so that a wait for either one is a wait for the first.
        async Task<TResponse> SecondAsync()
        {
            await Task.WhenAny(first, Task.Delay(patience, options.TimeProvider, stop.Token)).ConfigureAwait(false);
            return first.IsCompleted || !retryBudget.TryTake()
                ? await first.ConfigureAwait(false)
                : await ExecuteAsync(operation, spare, scope with { Avoid = asked.Endpoint }, stop.Token).ConfigureAwait(false);
        }

        static async Task EndOf(Task<TResponse> attempt)
        {
            try
            {
                await attempt.ConfigureAwait(false);
            }
            catch (Exception error) when (error is KvException or OperationCanceledException)
            {
                // The other attempt has answered, or both have failed and the caller receives one of the failures.
            }
        }
    }

    private string Choose(in RequestScope scope, RequestTrail trail, string? avoid, string? hinted)
    {
        var table = RoutesItself ? routes.Table : RouteTable.Empty;
        trail.Shard = scope.ShardIn(table) ?? trail.Shard;

        // Without a map, requests stay on one node until it fails; this keeps the number of connections low.
        var turn = avoid is not null || scope.AnyReplica ? Interlocked.Increment(ref _turn) : Volatile.Read(ref _turn);
        return NodeChoice.Pick(
            new NodeQuestion(trail.Shard, scope.AnyReplica, avoid, hinted, turn), table, options.Endpoints, health.IsSuspect);
    }

    /// <summary>
    /// The stamp of a write that a shard refused because its session is unknown there: the same number with the log index of the refusal. If that was
    /// not sufficient, the number is below the range that the shard stores for the session, and another session is needed.
    /// </summary>
    private WriteStamp Anew(WriteStamp stamp, SeenIndex? after, int proofs)
    {
        if (proofs == 1)
        {
            return stamp with { After = after };
        }

        stamp.Session.Complete(stamp.Sequence);
        sessions.Retire(stamp.Session);
        return sessions.Begin() with { After = after };
    }

    private RequestHeader Header(in RequestScope scope, WriteStamp? stamp, TimeSpan timeout, RequestTrail trail)
    {
        var header = new RequestHeader
        {
            Keyspace = scope.Keyspace,
            RingEpoch = routes.Table.Epoch,
            KnownEpoch = routes.KnownEpoch,
            TimeoutMs = (int)Math.Max(1, timeout.TotalMilliseconds),
            Attempt = trail.Attempts - 1,
        };
        if (stamp is { } name)
        {
            header.Identity = new RequestIdentity
            {
                ClientId = name.Session.ClientIdBytes,
                Sequence = name.Sequence,
                FirstUnacked = name.Session.FirstUnacked,
                After = name.After,
                FirstAttempt = trail.Outcome == KvOutcome.NotApplied,
            };
        }

        return header;
    }

    private void Succeeded(ResponseHeader? header, string endpoint, WriteStamp? stamp)
    {
        stamp?.Session.Complete(stamp.Value.Sequence);
        health.Answered(endpoint);
        retryBudget.Succeeded();
        if (header is null)
        {
            return;
        }

        seen.Saw(header);
        session.Saw(header, header.ClusterId.Length > 0 ? header.ClusterId : routes.Table.Map.ClusterId);
        if (RoutesItself)
        {
            routes.Learn(header);
        }
    }

    private void Learn(Failure failure, string endpoint)
    {
        if (failure.IsSilence)
        {
            health.Silent(endpoint);
        }
        else
        {
            health.Answered(endpoint);
        }

        if (failure.Hint is { } hint && RoutesItself)
        {
            routes.Offer(hint);
        }
    }

    private KvException GiveUp(RequestTrail trail, OperationMeasure measure, WriteStamp? stamp)
    {
        // A write that was certainly not executed is not sent again. A write with an unknown outcome keeps its number, so that the shard keeps its
        // outcome for later queries.
        if (stamp is { } name && trail.Outcome == KvOutcome.NotApplied)
        {
            name.Session.Complete(name.Sequence);
        }

        measure.Failed(trail);
        Log.GivenUp(log, measure.Operation, trail.Attempts, trail.LastFailure!.Reason, trail.LastFailure.Message, trail.Outcome);
        return trail.ToException(measure.Elapsed, stamp?.Id);
    }

    private TimeSpan Clamp(TimeSpan left) =>
        left > options.AttemptTimeout ? options.AttemptTimeout : left > AttemptTimeoutMin ? left : AttemptTimeoutMin;
}
