namespace KvRaft.Eventual.Replicas;

/// <summary>A key with more than one value.</summary>
/// <param name="Siblings">Values that stand side by side.</param>
/// <param name="Bytes">Of all of them together.</param>
internal readonly record struct CrowdedKey(EventualKey Key, int Siblings, long Bytes);

/// <summary>
/// How many keys of a replica hold several values, in memory beside the stored rows. Where this grows, somebody writes without reading. Written by the
/// replica's writer; read by any thread.
/// </summary>
internal sealed class CrowdedKeys
{
    /// <summary>From here on a key is worth a warning: a quarter of what clients may leave, where Riak's documentation of siblings begins to warn too.</summary>
    public const int SiblingsWarning = 25;

    private long _several;
    private long _warned;

    /// <summary>Keys with more than one value.</summary>
    public long Several => Interlocked.Read(ref _several);

    /// <summary>Keys with <see cref="SiblingsWarning"/> or more.</summary>
    public long Warned => Interlocked.Read(ref _warned);

    public void Changed(int before, int after)
    {
        Interlocked.Add(ref _several, (after > 1 ? 1 : 0) - (before > 1 ? 1 : 0));
        Interlocked.Add(ref _warned, (after >= SiblingsWarning ? 1 : 0) - (before >= SiblingsWarning ? 1 : 0));
    }
}
