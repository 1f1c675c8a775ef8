namespace KvRaft.Storage.Commands;

/// <summary>The expiries in the header of a command, in the order in which its body uses them.</summary>
internal sealed class ExpiryQueue(Expiry[] expiries)
{
    private int _next;

    public bool IsDone => _next == expiries.Length;

    /// <summary>The next expiry; null if the header had too few.</summary>
    public Expiry? Next() => IsDone ? null : expiries[_next++];
}
