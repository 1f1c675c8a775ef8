namespace KvRaft.Storage.Commands;

/// <summary>The expiries in the header of a command, in the order in which its body uses them.</summary>
internal sealed class ExpiryQueue(Expiry[] expiries)
{
    private int _next;

    public ReadOnlySpan<Expiry> All => expiries;

    public bool IsDone => _next == expiries.Length;

    /// <summary>The next expiry. If the header has too few, <paramref name="reader"/> fails.</summary>
    public Expiry Next(ref ByteReader reader)
    {
        if (!IsDone)
        {
            return expiries[_next++];
        }

        reader.Fail();
        return Expiry.Never;
    }
}
