using KvRaft.Topology;

namespace KvRaft.Node.Options;

/// <summary>
/// What a node takes from the world around it beside its options: the clock, and the way to another node. Always the real ones, but in a
/// cluster whose clocks and ways a test controls; no setting reaches them.
/// </summary>
internal sealed record Surroundings
{
    public static readonly Surroundings Real = new();

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Where a connection to a node's replicas really goes, given where it should.</summary>
    public Func<NodeId, HostAndPort, HostAndPort> WayToRaft { get; init; } = static (_, address) => address;

    /// <summary>Where a connection to a node's services really goes.</summary>
    public Func<NodeId, HostAndPort, HostAndPort> WayToServices { get; init; } = static (_, address) => address;
}
