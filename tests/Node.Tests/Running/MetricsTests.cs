using System.Diagnostics.Metrics;
using Google.Protobuf;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Running;

/// <summary>The metrics of a node, as a listener in the process receives them.</summary>
public sealed class MetricsTests
{
    [Fact]
    public async Task The_lag_of_the_purge_grows_without_ticks_and_falls_with_them()
    {
        // Nothing ticks by itself for a minute.
        await using var cluster = await RunningCluster.StartAsync(nodes: 1, shards: 1, options => options with
        {
            Timings = options.Timings with { DueInterval = TimeSpan.FromMinutes(1) },
        });
        var key = ByteString.CopyFromUtf8("k");
        var put = await cluster.Kv(0).PutAsync(new PutRequest { Key = key, Options = new V1.WriteOptions { TtlMs = 1 } });
        var clock = new ServerClock(cluster);
        await clock.PassAsync(put.Header.ServerTimeMs + 2);

        Assert.True(Read(cluster, "kvraft.ttl.purge.lag") > 0);

        var replica = cluster.Nodes[0]!.Service<KvRaft.Node.Shards.ShardTable>().Find(new Topology.ShardId(0))!;
        Assert.Equal(Raft.Proposals.ProposalStatus.Applied, await replica.TickAsync());
        Assert.Equal(0, Read(cluster, "kvraft.ttl.purge.lag"));
        Assert.Equal(0, Read(cluster, "kvraft.requests.in_hand"));
        Assert.Equal(0, Read(cluster, "kvraft.requests.refused"));
    }

    private static long Read(RunningCluster cluster, string instrument)
    {
        // Other tests run nodes of the same names in this process; only this cluster's data directory distinguishes them, so the test collects all of them
        // through the one instance that belongs to it.
        var owner = cluster.Nodes[0]!.Service<KvRaft.Node.Telemetry.NodeMeter>();
        long? seen = null;
        using var listener = new MeterListener
        {
            InstrumentPublished = (published, self) =>
            {
                if (published.Name == instrument && owner.Owns(published.Meter))
                {
                    self.EnableMeasurementEvents(published);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((_, value, _, _) => seen = Math.Max(seen ?? 0, value));
        listener.Start();
        listener.RecordObservableInstruments();
        return seen ?? throw new InvalidOperationException($"nothing measures {instrument}");
    }

    /// <summary>Wall-clock time as the node reports it.</summary>
    private sealed class ServerClock(RunningCluster cluster)
    {
        public async Task PassAsync(long instantMs)
        {
            var admin = new Admin.AdminClient(cluster.Channel(0));
            while ((await admin.StatusAsync(new StatusRequest())).ServerTimeMs < instantMs)
            {
                await Task.Yield();
            }
        }
    }
}
