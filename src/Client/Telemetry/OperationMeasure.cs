using System.Diagnostics;

namespace KvRaft.Client.Telemetry;

/// <summary>Measures the duration and the span of one operation. If neither success nor failure is reported, the caller cancelled it.</summary>
internal sealed class OperationMeasure(
    ClientTelemetry telemetry, string operation, string keyspace, Activity? span, long startedAt) : IDisposable
{
    private bool _ended;

    public string Operation => operation;

    public TimeSpan Elapsed => telemetry.ElapsedSince(startedAt);

    public void Succeeded(RequestTrail trail)
    {
        Describe(trail);
        End(trail, error: null);
    }

    public void Failed(RequestTrail trail)
    {
        var reason = trail.LastFailure!.Reason;
        Describe(trail);
        span?.SetTag("db.response.status_code", reason);
        span?.SetStatus(ActivityStatusCode.Error, trail.LastFailure.Message);
        End(trail, reason);
    }

    public void Dispose()
    {
        if (!_ended)
        {
            span?.SetStatus(ActivityStatusCode.Error, "cancelled");
            End(trail: null, "cancelled");
        }

        span?.Dispose();
    }

    private void End(RequestTrail? trail, string? error)
    {
        _ended = true;
        if (error is not null)
        {
            span?.SetTag("error.type", error);
        }

        telemetry.Record(operation, keyspace, Elapsed, trail, error);
    }

    private void Describe(RequestTrail trail)
    {
        if (span is null || trail.LastEndpoint is not { } endpoint)
        {
            return;
        }

        var colon = endpoint.LastIndexOf(':');
        span.SetTag("server.address", endpoint[..colon]);
        span.SetTag("server.port", int.Parse(endpoint.AsSpan(colon + 1), System.Globalization.CultureInfo.InvariantCulture));
        span.SetTag("kvraft.retry.count", trail.Attempts - 1);
        if (trail.Shard is { } shard)
        {
            span.SetTag("kvraft.shard.id", shard);
        }
    }
}
