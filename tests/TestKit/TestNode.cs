using System.Net;
using KvRaft.Node.Hosting;
using KvRaft.Node.Options;
using KvRaft.Raft.Groups;

namespace KvRaft.TestKit;

/// <summary>One node of a <see cref="TestCluster"/>.</summary>
public sealed class TestNode
{
    internal TestNode(int index) => Index = index;

    /// <summary>From 0.</summary>
    public int Index { get; }

    /// <summary>Its name in the cluster: <c>n1</c>, <c>n2</c>, ...</summary>
    public string Id => FormattableString.Invariant($"n{Index + 1}");

    /// <summary>Its address for clients, <c>host:port</c>; unchanged after a restart.</summary>
    public string Endpoint => FormattableString.Invariant($"127.0.0.1:{Front!.Port}");

    /// <summary>Its address for JSON, <c>http://host:port</c>; null if JSON is off or the node does not run. Not subject to faults.</summary>
    public string? HttpEndpoint => Running?.HttpEndPoint is { } http ? $"http://{http}" : null;

    public bool IsRunning => Running is not null;

    internal KvRaftNode? Running { get; set; }

    internal NodeOptions Options { get; set; } = null!;

    internal SkewedClock Clock { get; } = new();

    /// <summary>The relay of clients.</summary>
    internal Relay? Front { get; set; }

    internal EndPoint? PublicTarget => Running?.PublicEndPoint;

    internal EndPoint? RaftTarget => Running?.Service<RaftHost>().ListenEndPoint;

    public override string ToString() => Id;
}
