namespace KvRaft.Storage.Shards;

/// <summary>The instants of a command's header, handed out in the order its body asks for them.</summary>
internal sealed class ExpiryQueue(long[] expiries)
{
    private int _next;

    public bool IsDone => _next == expiries.Length;

    /// <summary>The next instant; null if the header had too few.</summary>
    public long? Next() => IsDone ? null : expiries[_next++];
}
