using KvRaft.Topology;

namespace KvRaft.Eventual.Coordinators;

/// <summary>The timeouts of coordinators.</summary>
public sealed record CoordinatorOptions
{
    /// <summary>
    /// How long one replica may take before it counts as failed and the coordinator sends the request to a fallback. A loaded disk syncs within some hundred
    /// milliseconds. After a longer time, another node serves a client that waits for R or W sooner.
    /// </summary>
    public TimeSpan ReplicaTimeout { get; init; } = TimeSpan.FromMilliseconds(750);

    /// <summary>
    /// When a write or read that still waits for its quorum sends its request to other nodes beside the slow ones. A sync of a busy disk takes some ten
    /// milliseconds,
    /// and one of a loaded machine a hundred. The .NET client gives an attempt one second, and the nodes that receive the request later need a part of it.
    /// </summary>
    public TimeSpan HedgeDelay { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>If the quorum needs suspected nodes, the request goes to other nodes at once, because a suspected node probably does not answer.</summary>
    internal TimeSpan HedgeDelayOf(bool needsSuspects) => needsSuspects ? TimeSpan.Zero : HedgeDelay;

    /// <summary>
    /// How long a coordinator waits for the answer to a probe before it forwards a write. A round trip takes a millisecond. This timeout separates a
    /// paused or cut-off node from a loaded one, and after two such timeouts the client still has time.
    /// </summary>
    public TimeSpan PresencePatience { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>
    /// How recent the last answer of a node must be to forward a write to it without a probe. If a node is cut off while it holds a write, the outcome of the
    /// write
    /// is unknown, so this is short. Under load a node answers many times in 20 ms; without load one more probe is cheap.
    /// </summary>
    public TimeSpan PresenceFresh { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// How long a replica may take if it has no fallback. The replica may be slow and not down, and an earlier timeout would only replace a slow answer by
    /// none. The deadline of the caller usually ends earlier.
    /// </summary>
    public TimeSpan LastReplicaTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The timeout for one replica of a key.</summary>
    internal TimeSpan PatienceWith(PreferenceList list, QuorumSpec spec) => spec.Sloppy && !list.Fallbacks.IsEmpty ? ReplicaTimeout : LastReplicaTimeout;

    /// <summary>Read repairs in progress at once. Each sends one state to one node. After a partition heals, more would flood the network, and tree
    /// comparison repairs better.</summary>
    public int ReadRepairsMax { get; init; } = 32;
}
