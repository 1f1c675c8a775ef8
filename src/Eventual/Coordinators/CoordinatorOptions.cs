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
    /// When a write or read that still waits for its quorum asks others beside those that are slow. A sync of a busy disk takes some ten milliseconds,
    /// of a loaded machine a hundred; a client of ours gives an attempt one second, and of that something must be left for who is asked then.
    /// </summary>
    public TimeSpan HedgeDelay { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Where the quorum needs nodes that are suspected, others are asked beside them at once: who is probably gone is not waited for first.</summary>
    internal TimeSpan HedgeDelayOf(bool needsSuspects) => needsSuspects ? TimeSpan.Zero : HedgeDelay;

    /// <summary>
    /// How long a node is waited for that is only asked whether it is there, before a write is entrusted to it. A round trip takes a millisecond; a
    /// paused or cut-off node is told from a loaded one, and two of them still leave a client time.
    /// </summary>
    public TimeSpan PresencePatience { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>
    /// How fresh a node's last answer must be to entrust it with a write without asking. A write that is with a node when that is cut off has an unknown
    /// fate, so this is short: under load a node answers many times in 20 ms, and without load a question more costs nobody anything.
    /// </summary>
    public TimeSpan PresenceFresh { get; init; } = TimeSpan.FromMilliseconds(20);

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
