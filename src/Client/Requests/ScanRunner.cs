using System.Runtime.CompilerServices;
using Grpc.Core;
using KvRaft.Client.Failures;
using KvRaft.Client.Routing;
using KvRaft.Client.Telemetry;
using KvRaft.Client.Transport;
using KvRaft.Client.Values;
using KvRaft.V1;

namespace KvRaft.Client.Requests;

/// <summary>
/// Runs a scan over one or more streams: if a stream ends early or is silent, the next stream resumes after the last complete chunk, so no key is
/// skipped or returned twice. The timeout starts again with each chunk.
/// </summary>
internal sealed class ScanRunner(
    KvClientOptions options,
    KvSession session,
    ConnectionPool connections,
    RouteCache routes,
    RouteWatcher watcher,
    NodeHealth health,
    Random chance)
{
    private readonly record struct Step(ScanChunk? Chunk, Failure? Failure);

    public async IAsyncEnumerable<ScanChunk.Types.Item> RunAsync(
        string keyspace, KvScanOptions scan, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var request = Request(keyspace, scan);
        var trail = new RequestTrail("SCAN", isWrite: false, keyspace) { Shard = scan.Shard };
        var budget = scan.Timeout ?? options.Timeout;
        var progressAt = options.TimeProvider.GetTimestamp();
        var attemptsSinceProgress = 0;
        var delay = TimeSpan.Zero;
        string? avoid = null;
        while (true)
        {
            var endpoint = Choose(scan, avoid);
            trail.AttemptAt(endpoint);
            attemptsSinceProgress++;
            Failure? failure = null;
            await foreach (var step in StreamAsync(endpoint, request, budget, cancellationToken).ConfigureAwait(false))
            {
                failure = step.Failure;
                if (step.Chunk is not { } chunk)
                {
                    break;
                }

                if (chunk.Header is { } header)
                {
                    session.Saw(header, header.ClusterId.Length > 0 ? header.ClusterId : routes.Table.Map.ClusterId);
                }

                foreach (var item in chunk.Items)
                {
                    yield return item;
                }

                progressAt = options.TimeProvider.GetTimestamp();
                (attemptsSinceProgress, delay) = (0, TimeSpan.Zero);
                if (chunk.Done || Continue(request, chunk) == 0)
                {
                    yield break;
                }
            }

            failure ??= new Failure(StatusCode.Unavailable, "UNAVAILABLE", "the node ended the scan early", KvOutcome.NotApplied)
            {
                Kind = FailureKind.Unavailable,
            };
            trail.Failed(failure);
            if (failure.IsSilence)
            {
                health.Silent(endpoint);
            }

            var elapsed = options.TimeProvider.GetElapsedTime(progressAt);
            var decision = RetryPolicy.Decide(
                new RetryInput(Math.Max(1, attemptsSinceProgress), failure, delay, elapsed, budget), budgetAllows: true, chance);
            if (!decision.Retry)
            {
                throw trail.ToException(elapsed, requestId: null);
            }

            (delay, avoid) = (decision.Delay, decision.AvoidNode ? endpoint : null);
            await Task.Delay(decision.Delay, options.TimeProvider, cancellationToken).ConfigureAwait(false);
        }
    }

    private async IAsyncEnumerable<Step> StreamAsync(
        string endpoint, ScanRequest request, TimeSpan budget, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var silenceMax = options.AttemptTimeout < budget ? options.AttemptTimeout : budget;
        using var silence = new CancellationTokenSource(silenceMax, options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(silence.Token, cancellationToken);
        using var stream = connections.To(endpoint).Kv.Scan(request.Clone(), new CallOptions(cancellationToken: either.Token));
        while (true)
        {
            var step = await NextAsync(stream, silenceMax, either.Token, cancellationToken).ConfigureAwait(false);
            if (step is not { } got)
            {
                yield break;
            }

            // The consumer may need time for a chunk; the silence of the node is measured only while the client waits for more.
            silence.CancelAfter(Timeout.InfiniteTimeSpan);
            yield return got;
            silence.CancelAfter(silenceMax);
        }
    }

    /// <returns>Null at the end of the stream.</returns>
    private static async ValueTask<Step?> NextAsync(
        AsyncServerStreamingCall<ScanChunk> stream, TimeSpan silenceMax, CancellationToken either, CancellationToken caller)
    {
        try
        {
            return await stream.ResponseStream.MoveNext(either).ConfigureAwait(false) ? new Step(stream.ResponseStream.Current, null) : null;
        }
        catch (RpcException fault)
        {
            caller.ThrowIfCancellationRequested();
            return new Step(null, either.IsCancellationRequested
                ? FailureReader.NoAnswer(sent: true, silenceMax)
                : FailureReader.Read(fault, sent: true));
        }
        catch (OperationCanceledException) when (!caller.IsCancellationRequested)
        {
            return new Step(null, FailureReader.NoAnswer(sent: true, silenceMax));
        }
    }

    private ScanRequest Request(string keyspace, KvScanOptions scan)
    {
        var request = new ScanRequest
        {
            Header = new RequestHeader { Keyspace = keyspace, RingEpoch = routes.Table.Epoch, KnownEpoch = routes.KnownEpoch },
            Prefix = WireValues.ToWire(scan.Prefix),
            Start = WireValues.ToWire(scan.Start),
            End = WireValues.ToWire(scan.End),
            KeysOnly = scan.KeysOnly,
            Reverse = scan.Reverse,
            Ordered = scan.Ordered,
            Limit = scan.Limit ?? 0,
            Options = WireValues.ToWire(scan.Consistency),
        };
        if (scan.Shard is { } shard)
        {
            request.Shard = shard;
        }

        return request;
    }

    /// <summary>Moves the start of the request behind a chunk.</summary>
    /// <returns>The number of items that may still be returned; negative: no limit.</returns>
    private static long Continue(ScanRequest request, ScanChunk chunk)
    {
        request.ResumeToken = chunk.ResumeToken;
        if (request.Limit == 0)
        {
            return -1;
        }

        request.Limit -= chunk.Items.Count;
        return request.Limit;
    }

    private string Choose(KvScanOptions scan, string? avoid)
    {
        var table = RouteTable.Empty;
        if (options.Routing == KvRouting.Direct)
        {
            watcher.Start();
            table = routes.Table;
        }

        var question = new NodeQuestion(scan.Shard, scan.Consistency.AllowsReplicas, avoid, Hinted: null, chance.Next());
        return NodeChoice.Pick(question, table, options.Endpoints, health.IsSuspect);
    }
}
