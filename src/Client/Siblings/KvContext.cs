using KvRaft.Topology;

namespace KvRaft.Client;

/// <summary>
/// The versions of a key that a reader has seen: opaque, to be passed to the write that replaces them. A context belongs to the key it was read from,
/// never expires, and may be stored.
/// </summary>
/// <param name="Bytes">Empty: no version was seen. The bytes are the same for clients of all languages.</param>
public readonly record struct KvContext(ReadOnlyMemory<byte> Bytes)
{
    /// <summary>The context without versions: a write with it replaces nothing.</summary>
    public static KvContext None => default;

    public bool Equals(KvContext other) => Bytes.Span.SequenceEqual(other.Bytes.Span);

    public override int GetHashCode() => FloodSafeHash.Of(Bytes.Span);
}
