namespace KvRaft.Client;

/// <summary>
/// What a reader has seen of a key: opaque, and to be given back with the write that replaces it. It belongs to the key it was read from, lives as long
/// as one likes, and may be stored.
/// </summary>
/// <param name="Bytes">Empty: nothing was seen. Any language's client takes them.</param>
public readonly record struct KvContext(ReadOnlyMemory<byte> Bytes)
{
    /// <summary>Of somebody who has read nothing: a write with it replaces nothing.</summary>
    public static KvContext None => default;

    public bool Equals(KvContext other) => Bytes.Span.SequenceEqual(other.Bytes.Span);

    public override int GetHashCode() => Bytes.Length;
}
