using System.Net;
using KvRaft.Node.Hosting;
using KvRaft.Node.Options;
using KvRaft.Raft;

namespace KvRaft.TestKit;

/// <summary>One node of a <see cref="TestCluster"/>.</summary>
public sealed class TestNode
{
    internal TestNode(int index) => Index = index;

    /// <summary>From 0.</summary>
    public int Index { get; }

    /// <summary>As the cluster calls it: <c>n1</c>, <c>n2</c>, ...</summary>
    public string Id => FormattableString.Invariant($"n{Index + 1}");

    /// <summary>Where clients reach it, <c>host:port</c>; stays the same when it is started again.</summary>
    public string Endpoint => FormattableString.Invariant($"127.0.0.1:{Front!.Port}");

    /// <summary>Where it hears JSON, <c>http://host:port</c>; null if it was not asked to or does not run. Not subject to faults.</summary>
    public string? HttpEndpoint => Running?.HttpEndPoint is { } http ? $"http://{http}" : null;

    public bool IsRunning => Running is not null;

    internal KvRaftNode? Running { get; set; }

    internal NodeOptions Options { get; set; } = null!;

    internal SkewedClock Clock { get; } = new();

    /// <summary>The way of clients.</summary>
    internal Relay? Front { get; set; }

    internal EndPoint? PublicTarget => Running?.PublicEndPoint;

    internal EndPoint? RaftTarget => Running?.Service<RaftHost>().ListenEndPoint;

    public override string ToString() => Id;
}
