using Google.Protobuf;
using KvRaft.Client.Routing;
using KvRaft.Client.Sessions;
using KvRaft.Client.Telemetry;
using KvRaft.Client.Transport;
using KvRaft.V1;
using Microsoft.Extensions.Logging;

namespace KvRaft.Client.Requests;

/// <summary>
/// Carries one request to its answer: names it, chooses a node, sends, learns from what comes back, and asks the
/// <see cref="RetryPolicy"/> what next. This is the only loop that repeats requests. A write keeps its name through all attempts, so that
/// the shard executes it once, however often it arrives.
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
    /// <summary>1 ms, the least a header can say.</summary>
    private static readonly TimeSpan AttemptTimeoutMin = TimeSpan.FromMilliseconds(1);

    private static readonly TimeSpan HedgeMax = TimeSpan.FromDays(1);

    private int _turn = chance.Next();

    private bool RoutesItself => options.Routing == KvRouting.Direct;

    /// <exception cref="KvException">It could not be done within its time.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up; a write may have been, or may yet be, applied.</exception>
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
            // A pause may end later than it was meant to; then there is no time left for another attempt.
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
                // Only what was seen before the write can have been executed proves anything.
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

            // The attempt that failed may still be on its way into a socket; its message must not change under the writer.
            request = request.Clone();
        }
    }

    /// <summary>
    /// As <see cref="ExecuteAsync"/>, for a read: if no answer is there after <paramref name="patience"/>, a second node is asked the same, and the
    /// first answer counts (Dean and Barroso, "The Tail at Scale", CACM 2013). It takes a token of the retry budget, so a cluster that is
    /// slow because it is overloaded is not asked twice for long. Never for a write: its second copy would be work for nothing.
    /// </summary>
    public async ValueTask<TResponse> ExecuteHedgedAsync<TRequest, TResponse>(
        Operation<TRequest, TResponse> operation, TRequest request, RequestScope scope, TimeSpan patience, CancellationToken cancellationToken)
        where TRequest : class, IMessage<TRequest>, IDeepCloneable<TRequest>
        where TResponse : class
    {
        if (operation.IsWrite)
        {
            throw new ArgumentException($"A {operation.Name} is not asked twice.", nameof(operation));
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(patience, TimeSpan.Zero);

        // Later than any attempt can last; a timer takes no more than 49 days.
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

        // Ends as the first does where there is nothing for it to do, so that whoever waits for either waits for the first.
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
                // The other attempt has answered, or both have failed and the caller is told of one.
            }
        }
    }

    private string Choose(in RequestScope scope, RequestTrail trail, string? avoid, string? hinted)
    {
        var table = RoutesItself ? routes.Table : RouteTable.Empty;
        trail.Shard = scope.ShardIn(table) ?? trail.Shard;

        // Without a map requests stay with one node, which is kind to its connections, until it fails.
        var turn = avoid is not null || scope.AnyReplica ? Interlocked.Increment(ref _turn) : Volatile.Read(ref _turn);
        return NodeChoice.Pick(
            new NodeQuestion(trail.Shard, scope.AnyReplica, avoid, hinted, turn), table, options.Endpoints, health.IsSuspect);
    }

    /// <summary>
    /// The stamp for a write that was refused because the shard does not know it: the same with the index of the refusal; if that was not enough, its
    /// number is below what the shard remembers of the session, and another session is needed.
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
        // A write that certainly was not executed will not be sent again. One whose fate is unknown keeps its number, so that the
        // shard remembers its outcome for whoever asks.
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
