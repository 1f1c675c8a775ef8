using System.Net;
using KvRaft.Node.Options;
using KvRaft.Topology;

namespace KvRaft.Node.Tests.Options;

/// <summary>Options that break no rule, for tests that change one of them.</summary>
internal static class SomeOptions
{
    public static NodeOptions SingleNode(string directory = "/nowhere") => new()
    {
        ClusterId = new Guid("7c41e200-0000-4000-8000-000000000001"),
        ClusterName = "test",
        NodeId = new NodeId("n1"),
        DataDirectory = directory,
        PublicListen = new IPEndPoint(IPAddress.Loopback, 0),
        RaftListen = new IPEndPoint(IPAddress.Loopback, 0),
        Nodes = [new InitialNode(new NodeId("n1"), new HostAndPort("127.0.0.1", 7500), new HostAndPort("127.0.0.1", 7400), "", 1)],
        ShardCount = 2,
        ReplicationFactor = 1,
    };
}
