using System.Collections.Immutable;

namespace KvRaft.Topology;

/// <summary>A secret of the cluster that authenticates the contexts of eventual keys. It never leaves the nodes.</summary>
/// <param name="Id">Contexts contain it, so that a new key can be introduced while contexts of the old one are still in use.</param>
/// <param name="Secret"><see cref="SecretBytes"/> random bytes.</param>
public sealed record ContextKey(byte Id, ImmutableArray<byte> Secret)
{
    public const int SecretBytes = 32;

    public bool Equals(ContextKey? other) => other is not null && Id == other.Id && Secret.AsSpan().SequenceEqual(other.Secret.AsSpan());

    public override int GetHashCode() => Id;

    /// <summary>Without the secret, because the text may be logged.</summary>
    public override string ToString() => FormattableString.Invariant($"context key {Id}");
}
