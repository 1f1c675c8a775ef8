using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvRaft.TestKit;

/// <summary>The options of a <see cref="TestCluster"/>.</summary>
public sealed record TestClusterOptions
{
    /// <summary>1 to 7; three tolerate the loss of one, five of two.</summary>
    public int Nodes { get; init; } = 3;

    /// <summary>A power of two. With few shards the cluster is ready sooner; with several, forwarding and transactions across shards occur.</summary>
    public int Shards { get; init; } = 4;

    /// <summary>Replicas of a shard; null: three, or the number of nodes if that is less.</summary>
    public int? ReplicationFactor { get; init; }

    /// <summary>
    /// The minimum time without a heartbeat of the leader before a replica starts an election; the maximum is twice that. It is short, so that a
    /// cluster is ready within a second and a test that kills a leader continues soon. On a machine that runs many tests at once leaders may change
    /// spontaneously, which clients tolerate.
    /// </summary>
    public TimeSpan ElectionTimeout { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>Also listen for JSON over HTTP (<see cref="TestNode.HttpEndpoint"/>).</summary>
    public bool Http { get; init; }

    /// <summary>The directory of the nodes' data; null: a temporary directory, deleted at the end.</summary>
    public string? Directory { get; init; }

    /// <summary>The loggers of the nodes.</summary>
    public ILoggerFactory Loggers { get; init; } = NullLoggerFactory.Instance;

    /// <summary>The timeout of a start and of the wait for leaders.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(60);
}
