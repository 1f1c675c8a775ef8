using KvRaft.Topology;

namespace KvRaft.Node.Options;

/// <summary>
/// The environment of a node besides its options: the clock, and the network path to another node. Always the real ones, except in a
/// cluster whose clocks and paths a test controls; no setting changes them.
/// </summary>
internal sealed record Surroundings
{
    public static readonly Surroundings Real = new();

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>The real address of a connection to a node's replicas, given the configured one.</summary>
    public Func<NodeId, HostAndPort, HostAndPort> WayToRaft { get; init; } = static (_, address) => address;

    /// <summary>The real address of a connection to a node's services, given the configured one.</summary>
    public Func<NodeId, HostAndPort, HostAndPort> WayToServices { get; init; } = static (_, address) => address;
}
