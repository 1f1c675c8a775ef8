namespace KvRaft.Eventual.Replicas;

/// <summary>
/// How far clients may let a key grow. Held where clients write, never where replicas repair each other: what was acknowledged must be able to
/// reach every replica.
/// </summary>
public sealed record EventualLimits
{
    /// <summary>
    /// Siblings of a key. A key that collects more is written without being read, which no limit heals; Riak, whose users met
    /// this as memory running out, warns at 25 and refuses at 100 in its documentation of <c>max_siblings</c>.
    /// </summary>
    public int SiblingsMax { get; init; } = 100;

    /// <summary>Bytes of all values of a key together, since they are read, sent and stored together: two of the largest single values.</summary>
    public int SiblingBytesMax { get; init; } = 2 * 1024 * 1024;

    /// <summary>Writes that may wait for one batch; more wait outside. At a megabyte a batch and 1 ms a sync it is seldom met.</summary>
    public int QueueMax { get; init; } = 4096;

    /// <summary>Bytes of one batch: what a disk writes in some ten milliseconds, so that nobody's sync takes longer for others' data.</summary>
    public int BatchBytesMax { get; init; } = 4 * 1024 * 1024;

    /// <summary>
    /// Bytes of hints in memory: 64 MiB name some 400,000 keys. Beyond, hints are not kept and comparing trees finds what is missing; for so
    /// many keys that is no slower.
    /// </summary>
    public long HintBytesMax { get; init; } = 64L << 20;

    /// <summary>Age at which hints are dropped. A node that was down for longer is repaired faster by comparing trees than by a list of everything it missed.</summary>
    public TimeSpan HintAgeMax { get; init; } = TimeSpan.FromHours(12);

    /// <summary>
    /// How long a tombstone stays at least, confirmed or not: far longer than any message that still carries what was deleted can be
    /// under way.
    /// </summary>
    public TimeSpan TombstoneAgeMin { get; init; } = TimeSpan.FromHours(1);
}
