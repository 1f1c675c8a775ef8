namespace KvRaft.Eventual.Replicas;

/// <summary>A key with more than one value.</summary>
/// <param name="Siblings">The number of concurrent values.</param>
/// <param name="Bytes">The size of all of them together.</param>
internal readonly record struct CrowdedKey(EventualKey Key, int Siblings, long Bytes);

/// <summary>
/// The number of keys of a replica with several values, in memory beside the stored rows. If it grows, a client writes without reading. Only the
/// writer of the replica writes it; any thread reads it.
/// </summary>
internal sealed class CrowdedKeys
{
    /// <summary>From this number on a key deserves a warning: a quarter of the limit for clients. The documentation of Riak on siblings begins to warn here
    /// too.</summary>
    public const int SiblingsWarning = 25;

    private long _several;
    private long _warned;

    /// <summary>Keys with more than one value.</summary>
    public long Several => Interlocked.Read(ref _several);

    /// <summary>Keys with <see cref="SiblingsWarning"/> values or more.</summary>
    public long Warned => Interlocked.Read(ref _warned);

    public void Changed(int before, int after)
    {
        Interlocked.Add(ref _several, (after > 1 ? 1 : 0) - (before > 1 ? 1 : 0));
        Interlocked.Add(ref _warned, (after >= SiblingsWarning ? 1 : 0) - (before >= SiblingsWarning ? 1 : 0));
    }
}
