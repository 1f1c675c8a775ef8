using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Grpc.Core;
using KvRaft.Client.Tests.Fakes;
using KvRaft.V1;

namespace KvRaft.Client.Tests.Telemetry;

public sealed class TelemetryTests
{
    [Fact]
    public async Task The_span_of_an_operation_contains_its_name_and_node_but_not_its_key()
    {
        // All tests of the process share the source; a keyspace of its own identifies this test's spans.
        const string Keyspace = "spans-of-one-test";
        var spans = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "KvRaft.Client",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = spans.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        await using var node = await FakeNode.StartAsync(new FakeStore());
        node.Script.Enqueue(new Step.Refuse(FakeStore.Error(StatusCode.Unavailable, ErrorReasons.NoLeader, Execution.NotExecuted)));
        await using var client = new KvClient(Options(node));

        await client.TextKeyspace(Keyspace).PutAsync("secret", "1");

        var span = Assert.Single(spans, span => Equals(span.GetTagItem("db.namespace"), Keyspace));
        Assert.Equal($"PUT {Keyspace}", span.DisplayName);
        Assert.Equal(ActivityKind.Client, span.Kind);
        Assert.Equal("kvraft", span.GetTagItem("db.system.name"));
        Assert.Equal("PUT", span.GetTagItem("db.operation.name"));
        Assert.Equal(1, span.GetTagItem("kvraft.retry.count"));
        Assert.Equal("127.0.0.1", span.GetTagItem("server.address"));
        Assert.DoesNotContain(span.TagObjects, tag => Equals(tag.Value, "secret"));
    }

    [Fact]
    public async Task Durations_and_retries_are_measured_and_failures_named()
    {
        const string Keyspace = "metrics-of-one-test";
        var measured = new ConcurrentQueue<(string Instrument, string? Error)>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Meter.Name == "KvRaft.Client")
            {
                self.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<double>((instrument, _, tags, _) => Take(instrument, tags));
        listener.SetMeasurementEventCallback<long>((instrument, _, tags, _) => Take(instrument, tags));
        listener.Start();
        await using var node = await FakeNode.StartAsync(new FakeStore());
        node.Script.Enqueue(new Step.Refuse(FakeStore.Error(StatusCode.Unavailable, ErrorReasons.NoLeader, Execution.NotExecuted)));
        node.Script.Enqueue(new Step.Answer());
        node.Script.Enqueue(new Step.Refuse(FakeStore.Error(StatusCode.InvalidArgument, ErrorReasons.LimitExceeded, Execution.NotExecuted)));
        await using var client = new KvClient(Options(node));

        await client.TextKeyspace(Keyspace).PutAsync("a", "1");
        await Assert.ThrowsAsync<KvException>(() => client.TextKeyspace(Keyspace).PutAsync("a", "2").AsTask());

        Assert.Equal(
            [("kvraft.client.retries", null), ("db.client.operation.duration", null), ("db.client.operation.duration", "LIMIT_EXCEEDED")],
            measured);

        void Take(Instrument instrument, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var byName = tags.ToArray().ToDictionary();
            if (Equals(byName.GetValueOrDefault("db.namespace"), Keyspace))
            {
                measured.Enqueue((instrument.Name, byName.GetValueOrDefault("error.type") as string));
            }
        }
    }

    private static KvClientOptions Options(FakeNode node) => new()
    {
        Endpoints = [node.Endpoint],
        Timeout = TimeSpan.FromSeconds(60),
        AttemptTimeout = TimeSpan.FromSeconds(60),
    };
}
