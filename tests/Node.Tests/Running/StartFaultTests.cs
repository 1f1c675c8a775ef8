using System.Net;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Topology;

namespace KvRaft.Node.Tests.Running;

/// <summary>The reason why a node does not start is one line, and the data are unchanged.</summary>
public sealed class StartFaultTests
{
    [Fact]
    public async Task A_node_that_cannot_start_reports_the_cause_and_loses_nothing()
    {
        await using var cluster = await RunningCluster.StartAsync(nodes: 1, shards: 1);
        var key = Google.Protobuf.ByteString.CopyFromUtf8("kept");
        await cluster.Kv(0).PutAsync(new V1.PutRequest { Key = key });
        var options = cluster.Options(0);
        var (services, raft) = (cluster.Nodes[0]!.PublicEndPoint, cluster.Nodes[0]!.Service<Raft.Groups.RaftHost>().ListenEndPoint);
        var elsewhere = options with
        {
            DataDirectory = options.DataDirectory + "-2",
            PublicListen = new IPEndPoint(IPAddress.Loopback, 0),
            RaftListen = new IPEndPoint(IPAddress.Loopback, 0),
        };

        await FailsAsync(cluster, StartFault.DirectoryInUse, elsewhere with { DataDirectory = options.DataDirectory });
        await FailsAsync(cluster, StartFault.PortInUse, elsewhere with { RaftListen = raft });
        await FailsAsync(cluster, StartFault.PortInUse, elsewhere with { PublicListen = services });
        await FailsAsync(cluster, StartFault.PortInUse, elsewhere with { HttpListen = services }, "httpListen");
        await cluster.StopNodeAsync(0);
        var stranger = new InitialNode(new NodeId("n2"), options.Self.Raft, options.Self.Public, "", 1);
        await FailsAsync(cluster, StartFault.ForeignDirectory, options with { NodeId = stranger.Id, Nodes = [stranger] });
        await FailsAsync(cluster, StartFault.ForeignDirectory, options with { ClusterId = Guid.NewGuid() });
        await FailsAsync(cluster, StartFault.ForeignDirectory, options with { ShardCount = 2 });

        await cluster.StartNodeAsync(0);
        await cluster.WhenReadyAsync();
        Assert.True((await cluster.Kv(0).GetAsync(new V1.GetRequest { Key = key })).Found);
    }

    private static async Task FailsAsync(RunningCluster cluster, StartFault fault, NodeOptions options, string says = "")
    {
        var error = await Assert.ThrowsAsync<NodeStartException>(() => cluster.StartAsync(options));
        Assert.Equal(fault, error.Fault);
        Assert.DoesNotContain('\n', error.Message);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }
}
