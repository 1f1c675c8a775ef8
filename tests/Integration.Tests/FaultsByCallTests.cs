using System.Diagnostics.Metrics;
using KvRaft.Client;
using KvRaft.TestKit;

namespace KvRaft.Integration.Tests;

/// <summary>
/// Faults that processes cannot have without a machine of their own, applied to nodes in this process: network partitions, and clocks
/// that are wrong. The kit is used here as its users would.
/// </summary>
public sealed class FaultsByCallTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_write_that_only_an_isolated_leader_appended_is_reported_as_not_executed()
    {
        await using var cluster = await TestCluster.StartAsync();
        await using var client = cluster.CreateClient(Patient);
        var keys = client.TextKeyspace();
        await keys.PutAsync("key", "before");
        var old = await cluster.LeaderOfAsync("key");
        await using var beside = new KvClient(KvClientOptions.Parse($"kvraft://{old.Endpoint}/default?routing=endpoints&timeout=1s"));

        cluster.Partition(old);
        var lost = await Assert.ThrowsAsync<KvException>(async () => await beside.TextKeyspace().PutAsync("key", "lost"));
        await keys.PutAsync("key", "kept");
        cluster.Heal();
        await cluster.WhenReadyAsync();

        Assert.Equal(KvRequestState.NotSeen, (await keys.GetRequestResultAsync("key", lost.RequestId!.Value)).State);
        Assert.Equal("kept", (await keys.GetAsync("key")).Value);
    }

    [Fact]
    public async Task A_leader_whose_clock_is_two_hours_ahead_expires_no_value_with_an_hour_to_live()
    {
        await using var cluster = await TestCluster.StartAsync();
        await using var client = cluster.CreateClient(Patient);
        var keys = client.TextKeyspace();
        await keys.PutAsync("key", "value", TimeSpan.FromHours(1));
        var leader = await cluster.LeaderOfAsync("key");

        cluster.SetClock(leader, TimeSpan.FromHours(2));
        var during = await keys.GetAsync("key");
        await cluster.KillAsync(leader);
        var after = await keys.GetAsync("key");

        Assert.True(during.Found);
        Assert.True(after.Found);
    }

    [Fact]
    public async Task Every_node_measures_how_late_its_purge_is_and_catches_up()
    {
        await using var cluster = await TestCluster.StartAsync();
        await using var client = cluster.CreateClient(Patient);
        foreach (var i in Enumerable.Range(0, 50))
        {
            await client.TextKeyspace().PutAsync(FormattableString.Invariant($"k{i}"), "x", TimeSpan.FromMilliseconds(1 + i));
        }

        using var patience = new CancellationTokenSource(Patience);
        long[] lags;
        do
        {
            lags = Measure("kvraft.ttl.purge.lag");
            Assert.True(lags.Length >= cluster.Nodes.Count);
            await Task.Delay(20, patience.Token);
        }
        while (lags.Any(static lag => lag > 0));
        Assert.Empty(await client.TextKeyspace().ScanAsync().ToListAsync(patience.Token));
    }

    private static KvClientOptions Patient(KvClientOptions options) => options with { Timeout = Patience };

    private static long[] Measure(string instrument)
    {
        var seen = new List<long>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (published, self) =>
            {
                if (published.Name == instrument)
                {
                    self.EnableMeasurementEvents(published);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((_, value, _, _) => seen.Add(value));
        listener.Start();
        listener.RecordObservableInstruments();
        return [.. seen];
    }
}
