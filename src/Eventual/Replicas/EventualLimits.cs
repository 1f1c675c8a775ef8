namespace KvRaft.Eventual.Replicas;

/// <summary>
/// How far clients may let a key grow. The limits apply to writes of clients, never to repair between replicas: an acknowledged write must be able to
/// reach every replica.
/// </summary>
public sealed record EventualLimits
{
    /// <summary>
    /// Siblings of a key. If a key collects more, its clients write without reading, which no limit corrects. The users of Riak met
    /// this as exhausted memory; its documentation of <c>max_siblings</c> warns at 25 and refuses at 100.
    /// </summary>
    public int SiblingsMax { get; init; } = 100;

    /// <summary>Bytes of all values of a key together, because they are read, sent and stored together: two of the largest single values.</summary>
    public int SiblingBytesMax { get; init; } = 2 * 1024 * 1024;

    /// <summary>Writes that may wait for one batch; further writes wait to enter the queue. At a megabyte a batch and 1 ms a sync the limit is rarely
    /// reached.</summary>
    public int QueueMax { get; init; } = 4096;

    /// <summary>Bytes of one batch: as much as a disk writes in some ten milliseconds, so that the data of one client does not delay the sync of another for
    /// longer.</summary>
    public int BatchBytesMax { get; init; } = 4 * 1024 * 1024;

    /// <summary>
    /// Bytes of hints in memory: 64 MiB hold hints for some 400,000 keys. Above the limit hints are not stored, and tree comparison finds the missing
    /// records; for so
    /// many keys that is no slower.
    /// </summary>
    public long HintBytesMax { get; init; } = 64L << 20;

    /// <summary>The age at which hints are dropped. If a node was down for longer, tree comparison repairs it faster than a list of everything it
    /// missed.</summary>
    public TimeSpan HintAgeMax { get; init; } = TimeSpan.FromHours(12);

    /// <summary>
    /// The minimum age of a tombstone, even if it is confirmed: far longer than any message that still carries the deleted value can be
    /// in transit.
    /// </summary>
    public TimeSpan TombstoneAgeMin { get; init; } = TimeSpan.FromHours(1);
}
