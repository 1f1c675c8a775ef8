using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvRaft.TestKit;

/// <summary>What a <see cref="TestCluster"/> is made like.</summary>
public sealed record TestClusterOptions
{
    /// <summary>1 to 7; three survive the loss of one, five of two.</summary>
    public int Nodes { get; init; } = 3;

    /// <summary>A power of two. Few are ready soon; several meet forwarding and transactions across shards.</summary>
    public int Shards { get; init; } = 4;

    /// <summary>Replicas of a shard; null: three, or the number of nodes if that is less.</summary>
    public int? ReplicationFactor { get; init; }

    /// <summary>
    /// Shortest time without a leader's sign of life before a replica stands for election; the longest is twice that. Short, so that a cluster is
    /// ready within a second and a test that kills a leader soon goes on; on a machine that is busy with many tests at once leaders may change
    /// unasked, which a client does not mind.
    /// </summary>
    public TimeSpan ElectionTimeout { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>Also hear JSON over HTTP (<see cref="TestNode.HttpEndpoint"/>).</summary>
    public bool Http { get; init; }

    /// <summary>Where the nodes keep their data; null: a temporary directory, deleted at the end.</summary>
    public string? Directory { get; init; }

    /// <summary>Where the nodes log to.</summary>
    public ILoggerFactory Loggers { get; init; } = NullLoggerFactory.Instance;

    /// <summary>How long to wait for a start or for leaders before that is called a failure.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(60);
}
