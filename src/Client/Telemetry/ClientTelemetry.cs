using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace KvRaft.Client.Telemetry;

/// <summary>
/// Spans and metrics by the OpenTelemetry conventions for database clients; the name of the source and of the meter is <see cref="Name"/>. Keys are
/// never attributes: they are user data, and their cardinality is too high.
/// </summary>
internal sealed class ClientTelemetry : IDisposable
{
    public const string Name = "KvRaft.Client";

    private const string SystemName = "kvraft";

    private static readonly ActivitySource Source = new(Name);

    private readonly Meter _meter = new(Name);
    private readonly Histogram<double> _duration;
    private readonly Counter<long> _retries;
    private readonly TimeProvider _time;

    public ClientTelemetry(TimeProvider time, Func<int> inFlight)
    {
        _time = time;
        _duration = _meter.CreateHistogram(
            "db.client.operation.duration",
            "s",
            "Duration of database client operations.",
            advice: new InstrumentAdvice<double>
            {
                // The buckets that the conventions recommend.
                HistogramBucketBoundaries = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10],
            });
        _retries = _meter.CreateCounter<long>("kvraft.client.retries", "{retry}", "Attempts beyond the first.");
        _meter.CreateObservableUpDownCounter(
            "kvraft.client.pipe.in_flight", inFlight, "{call}", "Calls in pipes that wait for an answer.");
    }

    public OperationMeasure Begin(string operation, string keyspace) =>
        new(this, operation, keyspace, StartSpan(operation, keyspace), _time.GetTimestamp());

    public TimeSpan ElapsedSince(long timestamp) => _time.GetElapsedTime(timestamp);

    public void Record(string operation, string keyspace, TimeSpan elapsed, RequestTrail? trail, string? error)
    {
        var tags = new TagList
        {
            { "db.system.name", SystemName },
            { "db.operation.name", operation },
            { "db.namespace", keyspace },
        };
        if (trail is { Attempts: > 1 })
        {
            _retries.Add(trail.Attempts - 1, tags);
        }

        if (error is not null)
        {
            tags.Add("error.type", error);
        }

        _duration.Record(elapsed.TotalSeconds, tags);
    }

    public void Dispose() => _meter.Dispose();

    private static Activity? StartSpan(string operation, string keyspace)
    {
        if (!Source.HasListeners())
        {
            return null;
        }

        var tags = new ActivityTagsCollection
        {
            ["db.system.name"] = SystemName,
            ["db.operation.name"] = operation,
            ["db.namespace"] = keyspace,
        };
        return Source.StartActivity($"{operation} {keyspace}", ActivityKind.Client, default(ActivityContext), tags);
    }
}
