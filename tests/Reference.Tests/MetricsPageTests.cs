using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Text.RegularExpressions;
using KvRaft.TestKit;

namespace KvRaft.Reference.Tests;

/// <summary><c>docs/reference/metrics.md</c>: the instruments of a running node and of a client that uses it.</summary>
public partial class MetricsPageTests(RunningNodeAndClient running) : IClassFixture<RunningNodeAndClient>
{
    private static readonly (string Name, string Meaning)[] Attributes =
    [
        ("kvraft.node.id", "The node that measures. Every instrument of `KvRaft.Server` has it."),
        ("kvraft.shard.id", "The shard (`kvraft.ttl.purge.lag`)."),
        ("kvraft.peer.id", "The node that the hints are for (`kvraft.eventual.hints`)."),
        ("kvraft.keyspace.id", "The number of the keyspace (`kvraft.eventual.repaired`)."),
        ("kvraft.token_range", "One of the 256 equal parts of the token ring that are compared one by one (`kvraft.eventual.repaired`)."),
        ("db.system.name", "`kvraft` (client)."),
        ("db.operation.name", "The operation, such as `put` (client)."),
        ("db.namespace", "The keyspace (client)."),
        ("error.type", "The reason of a failed operation (client; see [errors](errors.md))."),
    ];

    // Named in two halves: only some projects may use the library, and this one does not.
    private const string RaftLibrary = "DotNext" + ".Net.Cluster.Consensus.Raft";

    [Fact]
    public void The_page_of_metrics_is_that_of_a_running_node_and_client()
    {
        var instruments = running.Instruments;
        var page = new ReferencePage("metrics.md")
            .Line("# Metrics")
            .Line()
            .Line("Generated from a running node and client; do not edit. The instruments are those of .NET (`System.Diagnostics.Metrics`): any collector of OpenTelemetry reads")
            .Line("them, and so does `dotnet-counters`:")
            .Line()
            .Line("```")
            .Line("dotnet tool exec -y dotnet-counters -- monitor -p $(pgrep -n kvraft) --counters KvRaft.Server")
            .Line("```")
            .Line()
            .Line($"The meters of the libraries underneath are there as well: `{RaftLibrary}.Server` and `{RaftLibrary}.Client`")
            .Line("(rounds and changes of role of each group), `Microsoft.AspNetCore.Server.Kestrel`, `System.Net.Http` and `System.Runtime`.")
            .Line();
        foreach (var meter in instruments.GroupBy(static instrument => instrument.Meter.Name).OrderByDescending(static meter => meter.Key, StringComparer.Ordinal))
        {
            page.Line($"## {meter.Key}")
                .Line()
                .Table(
                    ["instrument", "kind", "unit", "meaning"],
                    meter.OrderBy(static each => each.Name, StringComparer.Ordinal)
                        .Select(static each => new[] { $"`{each.Name}`", KindOf(each), each.Unit ?? "", each.Description ?? "" }));
        }

        page.Line("## Attributes").Line().Table(["attribute", "meaning"], Attributes.Select(static each => new[] { $"`{each.Name}`", each.Meaning }));
        page.AssertCurrent();
        Assert.All(instruments, static instrument => Assert.False(string.IsNullOrWhiteSpace(instrument.Description), instrument.Name));
    }

    // An instrument that a test never sees, because it is made on first use, would be missing from the page.
    [Fact]
    public void Each_instrument_in_the_source_is_seen_at_run_time()
    {
        var inSource = SourceTree.CSharp("src").SelectMany(static file => Created().Matches(File.ReadAllText(file)).Select(static match => match.Groups[1].Value));
        Assert.Equal(inSource.Order(StringComparer.Ordinal), running.Instruments.Select(static each => each.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Each_attribute_in_the_source_is_described()
    {
        var inSource = SourceTree.CSharp("src").Where(static file => Created().IsMatch(File.ReadAllText(file)))
            .SelectMany(static file => Attribute().Matches(File.ReadAllText(file)).Select(static match => match.Groups[1].Value))
            .Distinct();
        Assert.Equal(inSource.Order(StringComparer.Ordinal), Attributes.Select(static each => each.Name).Order(StringComparer.Ordinal));
    }

    private static string KindOf(Instrument instrument) => instrument.GetType().Name.Split('`')[0] switch
    {
        "Counter" or "ObservableCounter" => "counter",
        "UpDownCounter" or "ObservableUpDownCounter" => "up-down counter",
        "Gauge" or "ObservableGauge" => "gauge",
        "Histogram" => "histogram",
        var other => throw new InvalidOperationException($"{other} has no words here."),
    };

    [GeneratedRegex("\\.Create(?:Observable)?(?:Counter|UpDownCounter|Gauge|Histogram)(?:<\\w+>)?\\(\\s*\"([a-z_.]+)\"")]
    private static partial Regex Created();

    [GeneratedRegex("(?:new(?: KeyValuePair<string, object\\?>)?\\(|\\{ |Add\\()\"((?:kvraft|db|error)\\.[a-z_.]+)\"")]
    private static partial Regex Attribute();
}

/// <summary>One node and one client, and the instruments they publish.</summary>
public sealed class RunningNodeAndClient : IAsyncLifetime
{
    private readonly ConcurrentDictionary<string, Instrument> _seen = new(StringComparer.Ordinal);

    public IReadOnlyCollection<Instrument> Instruments => [.. _seen.Values];

    public async ValueTask InitializeAsync()
    {
        using var listener = new MeterListener { InstrumentPublished = (instrument, _) => Note(instrument) };
        listener.Start();
        await using var cluster = await TestCluster.StartAsync(1);
        await using var client = cluster.CreateClient();
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private void Note(Instrument instrument)
    {
        if (instrument.Meter.Name.StartsWith("KvRaft.", StringComparison.Ordinal))
        {
            _seen.TryAdd(instrument.Name, instrument);
        }
    }
}
