using Google.Protobuf;
using Grpc.Net.Client;
using KvRaft.TestKit;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Running;

/// <summary>A node that starts alone has only its own wall clock, which may be wrong by any amount.</summary>
public sealed class LonelyClockTests
{
    /// <summary>The first sweep runs at the start, the next ones every five seconds.</summary>
    private static readonly TimeSpan OneSweep = TimeSpan.FromSeconds(8);

    [Fact]
    public async Task A_node_that_starts_alone_with_a_wrong_clock_expires_no_eventual_value()
    {
        await using var cluster = await TestCluster.StartAsync();
        using (var channel = GrpcChannel.ForAddress($"http://{cluster.Nodes[0].Endpoint}"))
        {
            await new Keyspaces.KeyspacesClient(channel).CreateAsync(new CreateKeyspaceRequest
            {
                Keyspace = new KeyspaceInfo { Name = "sessions", Mode = KeyspaceMode.Eventual, TtlDefaultMs = 30 * 60_000, Eventual = new EventualPolicy { N = 3, W = 3 } },
            });
            await new EventualKv.EventualKvClient(channel).PutAsync(new EventualPutRequest
            {
                Header = Header(),
                Key = ByteString.CopyFromUtf8("session"),
                Value = ByteString.CopyFromUtf8("value"),
            });
        }

        foreach (var node in cluster.Nodes)
        {
            await cluster.StopAsync(node);
        }

        cluster.SetClock(cluster.Nodes[2], TimeSpan.FromHours(1));
        await cluster.StartAsync(cluster.Nodes[2]);
        await Task.Delay(OneSweep);
        await cluster.StartAsync(cluster.Nodes[0]);
        await cluster.StartAsync(cluster.Nodes[1]);
        await cluster.WhenReadyAsync();

        // Copies are compared every two seconds.
        await Task.Delay(OneSweep);
        foreach (var node in cluster.Nodes)
        {
            using var channel = GrpcChannel.ForAddress($"http://{node.Endpoint}");
            var read = await new EventualKv.EventualKvClient(channel).GetAsync(new EventualGetRequest { Header = Header(), Key = ByteString.CopyFromUtf8("session") });
            Assert.Equal(["value"], read.Values.Select(static value => value.Value.ToStringUtf8()));
        }
    }

    private static RequestHeader Header() => new() { Keyspace = "sessions", TimeoutMs = 10_000 };
}
