using KvRaft.Topology;

namespace KvRaft.Eventual.Coordinators;

/// <summary>The patience of coordinators.</summary>
public sealed record CoordinatorOptions
{
    /// <summary>
    /// How long one replica may take before it counts as failed and a fallback is asked. A loaded disk syncs within some hundred
    /// milliseconds; longer, and a client that waits for R or W is better served by somebody else.
    /// </summary>
    public TimeSpan ReplicaTimeout { get; init; } = TimeSpan.FromMilliseconds(750);

    /// <summary>
    /// How long a replica may take for which nobody can stand in. It may be slow and not gone, and giving it up early would only turn a slow answer into
    /// none; the caller's own deadline is usually sooner.
    /// </summary>
    public TimeSpan LastReplicaTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The patience with one replica of a key.</summary>
    internal TimeSpan PatienceWith(PreferenceList list, QuorumSpec spec) => spec.Sloppy && !list.Fallbacks.IsEmpty ? ReplicaTimeout : LastReplicaTimeout;

    /// <summary>Read repairs under way at once. Each is one state to one node; more than this would be a flood after a heal, which trees handle better.</summary>
    public int ReadRepairsMax { get; init; } = 32;
}
